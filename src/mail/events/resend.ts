import { Webhook } from 'standardwebhooks';

import type { MailEventSource } from '../../jobs/mail-events.ts';
import { fieldsIn, jsonOf, listIn, messageIdIn, notSigned, textsIn } from './event-fields.ts';

/**
 * https://resend.com/docs/webhooks: signed as Svix does (standardwebhooks.com, with other names), within five minutes of our clock.
 * @param secret `whsec_…`.
 */
export function createResendEvents(secret: string): MailEventSource {
  const webhook = new Webhook(secret);
  const names = ['id', 'timestamp', 'signature'] as const;

  function assertSigned(headers: Readonly<Record<string, string | undefined>>, text: string): void {
    const given = names.map((name) => [`webhook-${name}`, headers[`svix-${name}`] ?? headers[`webhook-${name}`] ?? ''] as const);
    try {
      webhook.verify(text, Object.fromEntries(given), { jsonParse: false });
    } catch {
      throw notSigned();
    }
  }

  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- so that it rejects
    async read(headers, body) {
      const text = body.toString();
      assertSigned(headers, text);
      const { type, data } = jsonOf(text);
      const { email_id: id, to, bounce, headers: original, message_id: messageId } = fieldsIn(data);
      // `Undetermined` and `Transient` may pass.
      const isBounce = type === 'email.bounced' && fieldsIn(bounce)['type'] === 'Permanent';
      if (!isBounce && type !== 'email.complained') return [];
      const messages = [...textsIn([id]).map((each) => `Resend ${each}`), ...textsIn([messageId]), ...messageIdIn(original)];
      return [{ kind: isBounce ? 'bounce' : 'complaint', recipients: textsIn(listIn(to)), messages }];
    },
  };
}
