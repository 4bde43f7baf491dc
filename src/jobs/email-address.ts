import { domainToASCII, domainToUnicode } from 'node:url';
import { z } from 'zod';

import { singleLine, wellFormed } from './single-line.ts';
import type { Mailbox } from './email-message.ts';

// Both halves, in ASCII as zod has them, with everything beyond ASCII let through: what of that is right, no pattern can say.
const atom = String.raw`(?:[A-Za-z0-9_'+\-]|[\u0080-\uffff])`;
const label = String.raw`(?:[A-Za-z0-9]|[\u0080-\uffff])(?:[A-Za-z0-9\-]|[\u0080-\uffff])*`;
const topLabel = String.raw`(?:[A-Za-z]{2,}|[xX][nN]--[A-Za-z0-9\-]+|(?:[A-Za-z0-9\-]|[\u0080-\uffff])*[\u0080-\uffff](?:[A-Za-z0-9\-]|[\u0080-\uffff])*)`;
const shape = String.raw`^(?![^@]{65,}@)(?:${atom}+\.)*${atom}*(?:[A-Za-z0-9_+\-]|[\u0080-\uffff])@(?:${label}\.)+${topLabel}$`;
const shaped = new RegExp(shape, 'u');

const ascii = /^\p{ASCII}*$/u;
/** No controls, blanks, punctuation or symbols, among them everything that looks like @, comma or dot. */
const letters = /^[\p{L}\p{M}\p{N}_'+.-]*$/u;

function partsOf(address: string): { local: string; domain: string } {
  const at = address.lastIndexOf('@');
  return { local: address.slice(0, at), domain: address.slice(at + 1) };
}

const inLowerCase = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/**
 * UTS 46 maps much to something else: `ＡＢＣ`, `①` and the Kelvin sign become plain letters and digits, a soft hyphen
 * disappears. What it would map is refused, so that a domain is the one that was read.
 */
function domainFault(domain: string): string | undefined {
  if (!letters.test(domain)) return 'has a character in its domain that no domain has';
  const inAscii = domainToASCII(domain);
  const [asciiLabels, labels] = [inAscii.split('.'), domainToUnicode(inAscii).split('.')];
  const same = inLowerCase(domain)
    .split('.')
    .every((label, index) => label === asciiLabels[index] || label === labels[index]);
  if (inAscii === '' || !same) return 'has a domain that is not in its canonical form (UTS 46), or is none';
  return asciiLabels.some((part) => part.length > 63) ? 'has a label of more than 63 characters in its domain' : undefined;
}

/** RFC 5321: 64 octets before the @, 254 in all; RFC 6531 beyond ASCII. Quoted local parts and address literals are refused. */
function faultOf(address: string): string | undefined {
  if (address.length > 254) return 'has more than 254 characters';
  if (!shaped.test(address)) return 'is not a bare e-mail address';
  const { local, domain } = partsOf(address);
  if (Buffer.byteLength(local) > 64) return 'has more than 64 bytes before the @';
  if (!letters.test(local) || local.normalize('NFC') !== local)
    return 'has a character before the @ that no address has, or is not in its normal form (NFC)';
  const fault = domainFault(domain);
  if (fault !== undefined) return fault;
  return Buffer.byteLength(inAscii(address)) > 254 ? 'has more than 254 bytes' : undefined;
}

/** With the domain in ASCII (RFC 5890), as it is sent to. Only for what `address` takes. */
export function inAscii(address: string): string {
  const { local, domain } = partsOf(address);
  return ascii.test(domain) ? address : `${local}@${domainToASCII(domain)}`;
}

/** The same for addresses that are the same mailbox wherever one has looked: without regard to letter case, and to how the domain is written. */
export function mailboxKey(address: string): string {
  const { local, domain } = partsOf(address);
  return `${local.toLowerCase()}@${domainToASCII(domain) || domain.toLowerCase()}`;
}

export const address = z
  .string({ error: 'must be a bare e-mail address' })
  .superRefine((value, context) => {
    const fault = faultOf(value);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  })
  .meta({
    description:
      'A bare address, without a display name. Beyond ASCII, letters, marks and digits are allowed before the @ (RFC 6531), and in domains that are in their canonical form.',
    examples: ['ada@example.com'],
    format: 'email',
    maxLength: 254,
    pattern: shape,
  });

/** For people to read, in the header. What looks like an encoded word (RFC 2047) is refused: some readers would decode it. */
const displayName = wellFormed(singleLine.max(200)).refine((name) => !name.includes('=?'), 'must not contain =?');

const mailbox = z.strictObject({ name: displayName.optional(), address });

/** An address, or one with a display name. */
export const party = z.union([address, mailbox], {
  error: ({ input }) => (typeof input === 'string' ? faultOf(input) : 'must be an address, or an object with address and name'),
});
export type Party = z.infer<typeof party>;

export const addressOf = (one: Party) => (typeof one === 'string' ? one : one.address);

/** As the headers show it. */
export function mailboxOf(one: Party): Mailbox {
  const name = typeof one === 'string' ? '' : (one.name?.trim() ?? '');
  return { ...(name !== '' && { name }), address: inAscii(addressOf(one)) };
}
