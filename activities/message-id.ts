import { createHash } from 'node:crypto';
import { domainToASCII } from 'node:url';

/** RFC 5322, 3.2.3. */
const dotAtom = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i;

/**
 * The same for the same job and recipient, so that a receiver can tell a repeated delivery from a second message. The address
 * can't be read from it: it is hashed together with the job id.
 *
 * @param domain Part after the @ of the sender. One that can't stand in a Message-ID is replaced by `localhost`.
 * @returns With angle brackets, as in the header.
 */
export function messageIdFor(jobId: string, recipient: string, domain: string): string {
  const unique = createHash('sha256')
    .update(JSON.stringify([jobId, recipient]))
    .digest('hex')
    .slice(0, 32);
  const host = domainToASCII(domain);
  return `<${unique}@${dotAtom.test(host) ? host : 'localhost'}>`;
}
