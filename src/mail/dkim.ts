import type { Readable } from 'node:stream';

import DKIM from 'nodemailer/lib/dkim';

import type { OutgoingMessage } from '../../activities/mail-ports.ts';

export interface DkimKey {
  domain: string;
  selector: string;
  /** A private RSA key in PEM: nodemailer signs with nothing else. */
  key: string;
}

/**
 * Covers what a message is judged by, and both fields of RFC 8058. Those that are not there are not covered, so that a server
 * on the way may add them. There is no time in the signature: each attempt has the same one.
 */
const headerFieldNames = [
  ...['From', 'To', 'Cc', 'Reply-To', 'Subject', 'Date', 'Message-ID', 'MIME-Version', 'Content-Type', 'Content-Transfer-Encoding'],
  ...['List-Unsubscribe', 'List-Unsubscribe-Post'],
].join(':');

type From = Pick<OutgoingMessage, 'from'>;

/** Not where there is no key, or one of another domain than the sender's: that signature would say nothing. */
export function signs(dkim: DkimKey | undefined, { from }: From): dkim is DkimKey {
  return from.address.slice(from.address.lastIndexOf('@') + 1).toLowerCase() === dkim?.domain.toLowerCase();
}

/** As it is where nothing is to be signed. */
export function signed(dkim: DkimKey | undefined, of: From, message: Readable): Readable {
  if (!signs(dkim, of)) return message;
  const signer = new DKIM({ domainName: dkim.domain, keySelector: dkim.selector, privateKey: dkim.key, headerFieldNames });
  return signer.sign(message);
}
