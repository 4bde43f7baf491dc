import { createHash } from 'node:crypto';

import type { MailSender, OutgoingMessage } from '../../../activities/mail-ports.ts';
import type { ErrorCode } from '../../errors.ts';
import type { GuardedFetch } from '../../outbound/guarded-fetch.ts';
import { assertAnswered, post, refused, type Speaker } from './http-call.ts';
import { attachedBytes, mailboxText } from './provider.ts';

/**
 * The API has no envelope: `to` is whom it sends to and what the header shows, hence the one recipient. The same message
 * makes the same bytes, without which the provider would refuse its key the second time.
 */
async function bodyOf(message: OutgoingMessage): Promise<object> {
  const { from, recipient, replyTo, subject, text, html, headers = [], tags, messageId } = message;
  const files = await attachedBytes(message);
  return {
    from: mailboxText(from),
    to: [recipient],
    subject,
    ...(replyTo && { reply_to: replyTo.map(mailboxText) }),
    ...(text !== undefined && { text }),
    ...(html !== undefined && { html }),
    headers: { ...Object.fromEntries(headers), 'Message-ID': messageId },
    ...(files.length > 0 && {
      attachments: files.map(({ name, contentType, contentId, base64 }) => ({
        filename: name,
        content: base64,
        content_type: contentType,
        ...(contentId !== undefined && { content_id: contentId }),
      })),
    }),
    ...(tags && { tags: Object.entries(tags).map(([name, value]) => ({ name, value })) }),
  };
}

/** Their names and statuses: https://resend.com/docs/api-reference/errors */
function codeOf(status: number, name: unknown): ErrorCode {
  if (name === 'concurrent_idempotent_requests') return 'mail_refused_for_now';
  if (status === 401 || status === 403 || status === 404 || status === 405) return 'mail_configuration';
  return name === 'invalid_from_address' || name === 'invalid_access' ? 'mail_configuration' : 'mail_rejected';
}

/**
 * Remembers each key for 24 hours (https://resend.com/docs/dashboard/emails/idempotency-keys): a request whose answer was lost is
 * sent again without a second message, so nothing is ever in doubt here.
 * @param url like `resend://API_KEY@api`.
 */
export function createResendSender({ name, url, fetch }: { name: string; url: string; fetch: GuardedFetch }): MailSender {
  const { username, searchParams } = new URL(url);
  const key = decodeURIComponent(username);
  const endpoint = searchParams.get('endpoint') ?? 'https://api.resend.com';
  const speaker: Speaker = { label: 'Resend', secrets: [key, username], repeatable: true };
  return {
    async send(message, { signal, beforeContent }) {
      signal.throwIfAborted();
      const body = await bodyOf(message);
      await beforeContent(name);
      signal.throwIfAborted();
      const headers = { Authorization: `Bearer ${key}`, 'Idempotency-Key': createHash('sha256').update(message.messageId).digest('hex') };
      const answer = await post(fetch, speaker, { url: `${endpoint}/emails`, headers, body });
      const words = [answer.json['name'], answer.json['message']];
      assertAnswered(speaker, answer, words);
      if (answer.status >= 300) throw refused(speaker, { code: codeOf(answer.status, words[0]), words: [answer.status, ...words] });
      return { response: `Resend ${idIn(answer.json['id'])}`, provider: name };
    },
    close: () => Promise.resolve(),
  };
}

/** As it is shown to people and kept in the ledger. */
export function idIn(value: unknown): string {
  return typeof value === 'string' && /^[\w<>@.+=-]{1,200}$/.test(value) ? value : 'has taken it';
}
