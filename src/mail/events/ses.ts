import type { MailEvent, MailEventSource } from '../../jobs/mail-events.ts';
import type { GuardedFetch } from '../../outbound/guarded-fetch.ts';
import { type Fields, fieldsIn, jsonOf, listIn, messageIdIn, notSigned, textsIn } from './event-fields.ts';
import { createSnsVerifier, snsHostOf } from './sns-signature.ts';

export interface SesEventsOptions {
  /** The one topic that is believed. */
  topicArn: string;
  fetch: GuardedFetch;
  /** In milliseconds. */
  now?: () => number;
}

/** https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html, and event publishing, which says `eventType`. */
function eventsIn({ notificationType, eventType, mail, bounce, complaint }: Fields): MailEvent[] {
  const type = notificationType ?? eventType;
  const { messageId, headers } = fieldsIn(mail);
  const isBounce = type === 'Bounce' && fieldsIn(bounce)['bounceType'] === 'Permanent';
  if (!isBounce && type !== 'Complaint') return [];
  const named = isBounce ? fieldsIn(bounce)['bouncedRecipients'] : fieldsIn(complaint)['complainedRecipients'];
  const recipients = textsIn(listIn(named).map((one) => fieldsIn(one)['emailAddress']));
  const messages = [...textsIn([messageId]).map((each) => `SES ${each}`), ...messageIdIn(headers)];
  return [{ kind: isBounce ? 'bounce' : 'complaint', recipients, messages }];
}

/** Amazon SES by way of a topic of SNS. Its subscription is confirmed once SNS asks for that. */
export function createSesEvents({ topicArn, fetch, now = Date.now }: SesEventsOptions): MailEventSource {
  const assertSigned = createSnsVerifier({ topicArn, fetch, now });

  async function confirm(address: unknown): Promise<void> {
    const url = new URL(String(address));
    if (url.protocol !== 'https:' || url.host !== snsHostOf(topicArn)) throw notSigned();
    await fetch(url, { timeoutMs: 4_000, maxBytes: 64 * 1_024, ports: [443] });
  }

  return {
    async read(_headers, body) {
      // The signature stands within: only what it covers is looked at, once it is checked.
      const message = jsonOf(body.toString());
      await assertSigned(message);
      if (message['Type'] === 'SubscriptionConfirmation') await confirm(message['SubscribeURL']);
      return message['Type'] === 'Notification' ? eventsIn(jsonOf(String(message['Message']))) : [];
    },
  };
}
