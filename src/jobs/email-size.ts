import { AppError } from '../errors.ts';
import type { EmailContent } from './email-message.ts';

/** As sent, in bytes. */
export const defaultMaxMessageBytes = 25 * 1024 * 1024;

/** Lines of 76 characters, each with its line break (RFC 2045, 6.8). */
function inBase64(bytes: number): number {
  const characters = Math.ceil(bytes / 3) * 4;
  return characters + Math.ceil(characters / 76) * 2;
}

/** At most: which of the two encodings a text gets is the composer's choice. */
function textBytes(text: string | undefined): number {
  if (text === undefined) return 0;
  const bytes = Buffer.from(text);
  let quoted = 0;
  for (const byte of bytes) quoted += (byte >= 0x20 && byte < 0x7f && byte !== 0x3d) || byte === 0x09 ? 1 : 4;
  return Math.max(quoted + Math.ceil(quoted / 72) * 4, inBase64(bytes.length)) + 400;
}

/** Of text that is made from HTML: there is a bound for it. */
const madeTextBytes = 400_000;

const headerBytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value ?? '')) * 6;

/** How large the message gets at most, as it is sent: attachments grow by 37 % in base 64. */
export function messageBytes(content: EmailContent, attachments: readonly { name: string; size: number }[]): number {
  const { subject, text, html, from, to, cc, replyTo, headers, calendar } = content;
  const made = text === undefined && html !== undefined ? Math.min(textBytes(html), madeTextBytes) : 0;
  const invitation = calendar === undefined ? 0 : 2 * textBytes(calendar.content);
  const files = attachments.reduce((sum, { name, size }) => sum + inBase64(size) + 40 * name.length + 600, 0);
  return 2_000 + headerBytes([subject, from, to, cc, replyTo, headers]) + textBytes(text) + textBytes(html) + made + invitation + files;
}

/** @throws AppError `message_too_large`. */
export function assertFits(content: EmailContent, attachments: readonly { name: string; size: number }[], most: number): void {
  const bytes = messageBytes(content, attachments);
  if (bytes <= most) return;
  const pointer = attachments.length > 0 ? '/attachments' : content.html === undefined ? '/text' : '/html';
  const detail = `makes a message of about ${String(bytes)} bytes as it is sent; ${String(most)} are the limit`;
  throw new AppError('message_too_large', detail, { errors: [{ pointer, detail }] });
}
