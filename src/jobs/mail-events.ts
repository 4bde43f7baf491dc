import { timingSafeEqual } from 'node:crypto';

import type { AuditEntry } from './audit.ts';
import { normalisedAddress, recipientHashOf } from './recipient.ts';
import type { SuppressionList } from './suppressions.ts';
import type { TenantKeys } from './tenant-keys.ts';

/** What somebody says became of a message later: that it can never arrive, or that its recipient calls it spam. */
export interface MailEvent {
  kind: 'bounce' | 'complaint';
  /** As they were written; several are names of one, or people who were told together. */
  recipients: readonly string[];
  /** Any of these names the message: our Message-ID with angle brackets, or `<service> <id>` as the service names it. */
  messages: readonly string[];
}

/** Who sends events over HTTP. */
export interface MailEventSource {
  /**
   * @param headers names in lower case.
   * @returns what concerns us; other events give none.
   * @throws AppError `signature_invalid`: nobody has looked at what it says. `invalid_request`.
   */
  read(headers: Readonly<Record<string, string | undefined>>, body: Buffer): Promise<MailEvent[]>;
}

export const mailEventProviders = ['resend', 'postmark', 'ses'] as const;
export type MailEventProvider = (typeof mailEventProviders)[number];
/** Only those that are configured. */
export type MailEventSources = Readonly<Partial<Record<MailEventProvider, MailEventSource>>>;

/** One row of the delivery ledger. */
export interface SentDelivery {
  tenant: string;
  recipientHash: string;
}

export interface DeliveryLookup {
  /** Each of the names, as in `MailEvent`. @throws AppError `database_unavailable`. */
  find(messages: readonly string[]): Promise<SentDelivery[]>;
}

export interface EventCounts {
  /** Recipients that were suppressed, or were so already. */
  suppressed: number;
  /** Events about nobody who got a message of ours that is named. */
  unmatched: number;
}

export interface MailEventIntake {
  /**
   * Suppresses who is named, when the message that is named was sent to that address, and nobody otherwise: whoever can send us
   * events must know the id of a message to someone to stop mail to them. Repeating changes nothing.
   * @param only of this tenant, with its audit entry. Default: whosever message it is.
   * @throws AppError `database_unavailable`.
   */
  take(events: readonly MailEvent[], only?: { tenant: string; entry: AuditEntry }): Promise<EventCounts>;
  /** Since the process began. */
  counts(): Readonly<Record<keyof EventCounts, number>>;
}

export interface IntakeDependencies {
  deliveries: DeliveryLookup;
  suppressions: Pick<SuppressionList, 'add'>;
  tenantKeys: TenantKeys;
}

/** Of one event. More names than these no honest event has. */
const most = 20;

const isSame = (one: string, other: string) => one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));

export function createMailEventIntake({ deliveries, suppressions, tenantKeys }: IntakeDependencies): MailEventIntake {
  const total: EventCounts = { suppressed: 0, unmatched: 0 };

  async function takeOne({ kind, recipients, messages }: MailEvent, only?: { tenant: string; entry: AuditEntry }): Promise<EventCounts> {
    const all = await deliveries.find(messages.slice(0, most));
    const known = all.filter(({ tenant }) => only === undefined || tenant === only.tenant);
    const counts: EventCounts = { suppressed: 0, unmatched: 0 };
    for (const recipient of new Set(recipients.slice(0, most).map(normalisedAddress))) {
      const tenants = new Set<string>();
      for (const { tenant, recipientHash } of known)
        if (isSame(recipientHash, await recipientHashOf(tenantKeys, tenant, recipient))) tenants.add(tenant);
      for (const tenant of tenants) await suppressions.add(tenant, { address: recipient, category: 'all', reason: kind }, only?.entry);
      counts.suppressed += tenants.size;
    }
    if (counts.suppressed === 0) counts.unmatched = 1;
    return counts;
  }

  return {
    async take(events, only) {
      const counts: EventCounts = { suppressed: 0, unmatched: 0 };
      for (const event of events) {
        const { suppressed, unmatched } = await takeOne(event, only);
        counts.suppressed += suppressed;
        counts.unmatched += unmatched;
      }
      total.suppressed += counts.suppressed;
      total.unmatched += counts.unmatched;
      return counts;
    },
    counts: () => ({ ...total }),
  };
}
