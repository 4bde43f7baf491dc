import type { MailSender, OutgoingMessage } from '../../../activities/mail-ports.ts';
import type { ErrorCode } from '../../errors.ts';
import type { GuardedFetch } from '../../outbound/guarded-fetch.ts';
import { assertAnswered, post, refused, type Speaker } from './http-call.ts';
import { attachedBytes, mailboxText } from './provider.ts';
import { idIn } from './resend.ts';

async function bodyOf(message: OutgoingMessage, stream: string): Promise<object> {
  const { from, recipient, replyTo, subject, text, html, headers = [], tags, messageId } = message;
  const files = await attachedBytes(message);
  return {
    From: mailboxText(from),
    To: recipient,
    ...(replyTo && { ReplyTo: replyTo.map(mailboxText).join(', ') }),
    Subject: subject,
    ...(text !== undefined && { TextBody: text }),
    ...(html !== undefined && { HtmlBody: html }),
    // Without the last one it writes a Message-ID of its own.
    Headers: [...headers, ['Message-ID', messageId], ['X-PM-KeepID', 'true']].map(([Name, Value]) => ({ Name, Value })),
    ...(files.length > 0 && {
      Attachments: files.map(({ name, contentType, contentId, base64 }) => ({
        Name: name,
        Content: base64,
        ContentType: contentType,
        ...(contentId !== undefined && { ContentID: `cid:${contentId}` }),
      })),
    }),
    ...(tags && { Metadata: tags }),
    MessageStream: stream,
  };
}

/** https://postmarkapp.com/developer/api/overview#error-codes */
const codes: Readonly<Partial<Record<number, ErrorCode>>> = {
  10: 'mail_configuration',
  100: 'mail_refused_for_now',
  300: 'mail_rejected',
  400: 'mail_configuration',
  401: 'mail_configuration',
  405: 'mail_configuration',
  406: 'recipient_rejected',
  412: 'mail_configuration',
  413: 'mail_configuration',
  429: 'mail_refused_for_now',
};

function codeOf(status: number, errorCode: unknown): ErrorCode {
  const known = typeof errorCode === 'number' ? codes[errorCode] : undefined;
  if (known !== undefined) return known;
  // 1221 to 1239 are about message streams.
  const aboutStream = typeof errorCode === 'number' && errorCode > 1200 && errorCode < 1300;
  return aboutStream || [401, 403, 404, 405].includes(status) ? 'mail_configuration' : 'mail_rejected';
}

/**
 * Has no idempotency key: a request whose answer was lost is `delivery_in_doubt`.
 * @param url like `postmark://TOKEN@api?stream=outbound&bulkStream=broadcast`.
 */
export function createPostmarkSender({ name, url, fetch }: { name: string; url: string; fetch: GuardedFetch }): MailSender {
  const { username, searchParams } = new URL(url);
  const token = decodeURIComponent(username);
  const endpoint = searchParams.get('endpoint') ?? 'https://api.postmarkapp.com';
  const streams = { transactional: searchParams.get('stream') ?? 'outbound', bulk: searchParams.get('bulkStream') ?? 'broadcast' };
  const speaker: Speaker = { label: 'Postmark', secrets: [token, username], repeatable: false };
  return {
    async send(message, { signal, beforeContent }) {
      signal.throwIfAborted();
      const body = await bodyOf(message, streams[message.category]);
      await beforeContent(name);
      signal.throwIfAborted();
      const answer = await post(fetch, speaker, { url: `${endpoint}/email`, headers: { 'X-Postmark-Server-Token': token }, body });
      const { ErrorCode: errorCode, Message: text } = answer.json;
      assertAnswered(speaker, answer, [errorCode, text]);
      if (answer.status >= 300 || (errorCode !== undefined && errorCode !== 0))
        throw refused(speaker, { code: codeOf(answer.status, errorCode), words: [answer.status, errorCode, text] });
      return { response: `Postmark ${idIn(answer.json['MessageID'])}`, provider: name };
    },
    close: () => Promise.resolve(),
  };
}
