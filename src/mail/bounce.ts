import PostalMime, { type Attachment } from 'postal-mime';

import { AppError } from '../errors.ts';
import type { MailEvent } from '../jobs/mail-events.ts';
import { blocksOf, firstOf, type ReportFields } from './report-fields.ts';

/** Reports come first in a message, and then the header of what was sent; the rest may be of any length. In bytes. */
export const readBytes = 1024 * 1024;
const limits = { maxNestingDepth: 20, maxHeadersSize: 256 * 1024 };

const statusTypes = new Set(['message/delivery-status', 'message/global-delivery-status']);
const returnedTypes = new Set(['message/rfc822', 'text/rfc822-headers', 'message/global', 'message/global-headers']);

/** RFC 3463 and 5248: no such mailbox or domain, an address that can't be, one that has moved or is closed. Not policies, sizes, full mailboxes. */
const hard = /^5\.(?:1\.(?:1|2|3|6|10)|2\.1)$/;
const unknownUser =
  /user unknown|unknown user|no such (?:user|recipient|mailbox|address)|(?:mailbox|user|recipient|address) (?:not found|does not exist)/i;

/** Some put the real status only into the words of the server that refused. */
function isHard(recipient: ReportFields): boolean {
  const diagnostic = firstOf(recipient, 'diagnostic-code');
  const [, inWords] = /(?:^|[\s;(-])(5\.\d{1,3}\.\d{1,3})(?![\d.])/.exec(diagnostic) ?? [];
  const status = /^\d\.\d{1,3}\.\d{1,3}/.exec(firstOf(recipient, 'status'))?.[0] ?? '';
  if (!status.startsWith('5.')) return false;
  if (hard.test(status)) return true;
  // 5.0.0: the server that reports knows no better.
  if (status !== '5.0.0') return false;
  return inWords === undefined || inWords === '5.0.0' ? /\b55[0-4]\b/.test(diagnostic) && unknownUser.test(diagnostic) : hard.test(inWords);
}

/** `rfc822; ada@example.com`, `utf-8; …`, or bare. */
function addressIn(text: string): string[] {
  const [, , address] = /^(?:(rfc822|utf-8)\s*;)?\s*<?([^\s<>;]{1,320}@[^\s<>;]{1,255})>?\s*$/i.exec(text) ?? [];
  return address === undefined ? [] : [address];
}

/** What RFC 3464 says of each recipient. */
function bouncesIn(status: Attachment, messages: string[]): MailEvent[] {
  return blocksOf(bytesOf(status)).flatMap((recipient) => {
    if (firstOf(recipient, 'action').toLowerCase() !== 'failed' || !isHard(recipient)) return [];
    const recipients = [firstOf(recipient, 'original-recipient'), firstOf(recipient, 'final-recipient')].flatMap(addressIn);
    return recipients.length === 0 ? [] : [{ kind: 'bounce' as const, recipients, messages }];
  });
}

/** RFC 5965: spam, or worse, in the eyes of who got it. Where the report hides the recipient, the message may not. */
function complaintsIn(report: Attachment, messages: string[], original: ReportFields | undefined): MailEvent[] {
  const [fields] = blocksOf(bytesOf(report));
  if (!['abuse', 'fraud'].includes(firstOf(fields, 'feedback-type').toLowerCase())) return [];
  const told = (fields?.get('original-rcpt-to') ?? []).flatMap(addressIn);
  const shown = [...firstOf(original, 'to').matchAll(/[^\s<>,;:"()]{1,64}@[^\s<>,;:"()]{1,255}/g)].map(([address]) => address);
  return [{ kind: 'complaint', recipients: told.length > 0 ? told : shown, messages }];
}

const bytesOf = ({ content }: Attachment): Uint8Array => (typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content));

/**
 * What a report about a message says: a delivery status (RFC 3464) or a complaint (RFC 5965). Anything else, and what is not for
 * good, says nothing.
 * @throws AppError `invalid_request` for what can't be taken apart.
 */
export async function readReport(message: Uint8Array): Promise<MailEvent[]> {
  let parts: Attachment[];
  try {
    ({ attachments: parts } = await PostalMime.parse(message.subarray(0, readBytes), { ...limits, forceRfc822Attachments: true }));
  } catch (error) {
    throw new AppError('invalid_request', 'This is no mail that can be read: it is nested too deep, or its headers are too long.', {
      cause: error,
    });
  }
  const returned = parts.find(({ mimeType }) => returnedTypes.has(mimeType));
  const [original] = returned === undefined ? [] : blocksOf(bytesOf(returned));
  const messages = (original?.get('message-id') ?? []).flatMap((value) => /<[^<>\s]{1,500}>/.exec(value) ?? []);
  return parts.flatMap((part) => {
    if (statusTypes.has(part.mimeType)) return bouncesIn(part, messages);
    return part.mimeType === 'message/feedback-report' ? complaintsIn(part, messages, original) : [];
  });
}
