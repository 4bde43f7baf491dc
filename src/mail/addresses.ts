import { AppError } from '../errors.ts';
import type { Mailbox } from '../jobs/email-message.ts';

/** The domain in ASCII: nodemailer maps others, and what looks alike may become another domain. Beyond ASCII before the @: RFC 6531. */
const bareAddress =
  /^[\w!#$%&'*+/=?^`{|}~\p{L}\p{M}\p{N}-]+(?:\.[\w!#$%&'*+/=?^`{|}~\p{L}\p{M}\p{N}-]+)*@[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*$/u;

/**
 * nodemailer reads an address *string* as a list, where a line break or a comma makes another recipient; an object it takes as it is.
 * @throws AppError `mail_rejected`.
 */
export function asAddress({ name = '', address }: Mailbox): { name: string; address: string } {
  if (!bareAddress.test(address)) throw new AppError('mail_rejected', 'A sender or recipient is not a bare e-mail address');
  // Some readers would decode it, although it is quoted.
  if (name.includes('=?')) throw new AppError('mail_rejected', 'The name of a sender or recipient looks like an encoded word');
  return { name, address };
}

/** Whether a server must know SMTPUTF8 (RFC 6531) to take mail from or to this address. */
export const isInternational = (address: string): boolean => /[^\p{ASCII}]/u.test(address);
