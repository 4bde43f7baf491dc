import { createHash, timingSafeEqual } from 'node:crypto';

import type { MailEventSource } from '../../jobs/mail-events.ts';
import { jsonOf, notSigned, textsIn } from './event-fields.ts';

const digest = (text: string) => createHash('sha256').update(text).digest();

/** https://postmarkapp.com/developer/webhooks/bounce-webhook: only these say that the address can never get mail. */
const hard = new Set<unknown>(['HardBounce', 'BadEmailAddress']);

/**
 * Postmark signs nothing: it sends the user and the password that stand in the URL of the webhook.
 * @param auth `user:password`.
 */
export function createPostmarkEvents(auth: string): MailEventSource {
  const own = digest(auth);
  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- so that it rejects
    async read({ authorization = '' }, body) {
      const given = digest(Buffer.from(/^Basic +([A-Za-z0-9+/=]+) *$/i.exec(authorization)?.[1] ?? '', 'base64').toString());
      if (!timingSafeEqual(given, own)) throw notSigned();
      const { RecordType: record, Type: type, Email: recipient, MessageID: id } = jsonOf(body.toString());
      const isBounce = record === 'Bounce' && hard.has(type);
      if (!isBounce && record !== 'SpamComplaint') return [];
      const messages = textsIn([id]).map((each) => `Postmark ${each}`);
      return [{ kind: isBounce ? 'bounce' : 'complaint', recipients: textsIn([recipient]), messages }];
    },
  };
}
