import type { OutgoingMessage } from '../../../activities/mail-ports.ts';
import type { Mailbox } from '../../jobs/email-message.ts';

/** An address with its name, as RFC 5322 writes it. Both are one line, and the address has been checked. */
export function mailboxText({ name, address }: Mailbox): string {
  return name === undefined || name === '' ? address : `"${name.replace(/["\\]/g, '\\$&')}" <${address}>`;
}

export interface AttachedBytes {
  name: string;
  contentType: string;
  contentId: string | undefined;
  base64: string;
}

/** All that goes along as a file, the calendar (RFC 6047) included: APIs in JSON have no streams. */
export async function attachedBytes({ attachments = [], calendar }: OutgoingMessage): Promise<AttachedBytes[]> {
  const files: AttachedBytes[] = [];
  for (const { name, contentType, contentId, open } of attachments) {
    const chunks: Buffer[] = [];
    for await (const chunk of open() as AsyncIterable<Buffer>) chunks.push(chunk);
    files.push({ name, contentType, contentId, base64: Buffer.concat(chunks).toString('base64') });
  }
  if (calendar !== undefined) {
    const base64 = Buffer.from(calendar.content).toString('base64');
    files.push({
      name: 'invite.ics',
      contentType: `text/calendar; charset=utf-8; method=${calendar.method}`,
      contentId: undefined,
      base64,
    });
  }
  return files;
}
