import MailComposer from 'nodemailer/lib/mail-composer';
import { encodeWord } from 'nodemailer/lib/mime-funcs';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import type { OutgoingMessage } from '../../activities/mail-ports.ts';
import type { Mailbox } from '../jobs/email-message.ts';
import { asAddress, isInternational } from './addresses.ts';
import { textPart } from './text-part.ts';

/** RFC 5322, 2.3: nothing else ends a line. */
const inCrlf = (text: string) => text.replace(/\r\n?|\n/g, '\r\n');

/**
 * The value as one header line, folded where it may be. nodemailer lets encoded words in a value pass, so that a reader
 * would show what they decode to instead of what was written.
 */
export function headerOf(name: string, value: string) {
  const plain = /^[\x20-\x7e]*$/.test(value) && !value.includes('=?');
  // Folded, it is not understood by all who look for it (RFC 8058).
  const foldLines = !/^list-unsubscribe/i.test(name);
  return { prepared: true, foldLines, value: plain ? value : encodeWord(value, 'Q', 52) };
}

/** Depends on all that could hold it: no text can be written that does. */
export function boundaryOf({ messageId, subject, text, html, calendar, attachments = [] }: OutgoingMessage): string {
  const files = attachments.map(({ name, contentType, size }) => [name, contentType, size]);
  return createHash('sha256')
    .update(JSON.stringify([messageId, subject, text, html, calendar, files]))
    .digest('hex')
    .slice(0, 32);
}

/**
 * How an address is shown that only servers with SMTPUTF8 may get, where the message goes to one without: as an empty group
 * that is called like it (RFC 6857, 3.1.8).
 */
const asGroup = ({ address }: Mailbox) => `"${address}":;`;

/** Only servers with SMTPUTF8 get it. */
export const isForUtf8 = ({ from, recipient }: Pick<OutgoingMessage, 'from' | 'recipient'>): boolean =>
  isInternational(from.address) || isInternational(recipient);

/** How an address stands in a header of the message. */
export function shownIn(message: Pick<OutgoingMessage, 'from' | 'recipient'>) {
  const everywhere = isForUtf8(message);
  return (one: Mailbox) => {
    const checked = asAddress(one);
    return everywhere || !isInternational(one.address) ? checked : asGroup(one);
  };
}

function compiled(message: OutgoingMessage, boundary: string) {
  const { from, to, cc = [], replyTo = [], subject, html, headers = [], attachments = [], calendar, messageId, date } = message;
  const shown = shownIn(message);
  const text = textPart(message);
  const node = new MailComposer({
    from: asAddress(from),
    to: to.map(shown),
    cc: cc.map(shown),
    replyTo: replyTo.map(shown),
    messageId,
    date,
    ...(text !== undefined && { text: inCrlf(text) }),
    ...(html !== undefined && { html: inCrlf(html) }),
    ...(calendar && { icalEvent: { method: calendar.method, content: inCrlf(calendar.content) } }),
    headers: headers.map(([key, value]) => ({ key, value: /^references$/i.test(key) ? value : headerOf(key, value) })),
    attachments: attachments.map(({ name, contentType, contentId, open }) => ({
      filename: name,
      contentType,
      ...(contentId !== undefined && { cid: contentId }),
      contentDisposition: contentId === undefined ? 'attachment' : 'inline',
      contentTransferEncoding: 'base64',
      content: Readable.from(lazily(open), { objectMode: false }),
    })),
    baseBoundary: boundary,
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: '\r\n',
  }).compile();
  if (subject !== '') node.setHeader('Subject', headerOf('Subject', subject));
  return node;
}

async function* lazily(open: () => Readable): AsyncGenerator<Uint8Array> {
  yield* open() as AsyncIterable<Uint8Array>;
}

async function* bytesOf(message: OutgoingMessage, boundary: string): AsyncGenerator<Uint8Array> {
  const stream = compiled(message, boundary).createReadStream();
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (cause) {
    // As its cause: nodemailer writes a code of its own into whatever error it meets.
    throw new Error('A part of the message cannot be read', { cause });
  } finally {
    stream.destroy();
  }
}

/** From whom and to whom, once all addresses of the message are seen to be such. @throws AppError `mail_rejected`. */
export function envelopeOf({ from, recipient, to, cc = [], replyTo = [] }: OutgoingMessage) {
  for (const one of [...to, ...cc, ...replyTo]) asAddress(one);
  asAddress(from);
  return { from: { name: '', address: from.address }, to: [asAddress({ address: recipient })] };
}

/**
 * The message as it is sent (RFC 5322, MIME), the same bytes for the same message. Nothing is opened before it is read;
 * attachments are read as fast as it is.
 *
 * @throws AppError `mail_rejected`: an address or name that must not stand in a header. The stream fails with an error whose
 * cause is what an attachment's stream failed with.
 */
export function composeMail(message: OutgoingMessage, boundary = boundaryOf(message)): Readable {
  envelopeOf(message);
  return Readable.from(bytesOf(message, boundary), { objectMode: false });
}
