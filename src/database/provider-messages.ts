import { type Kysely, sql } from 'kysely';

import type { DeliveryLookup } from '../jobs/mail-events.ts';
import { type Deliveries, keptDays } from './deliveries.ts';
import { reachable } from './outage.ts';
import type { Database } from './schema.ts';

/** What the senders of src/mail/providers give as a reply. */
const named = /^(?:SES|Resend|Postmark) [\w.+=-]{1,200}$/;

/** The ledger, which also knows each message by the name that a mail service has for it. */
export function withProviderNames(deliveries: Deliveries, db: Kysely<Database>): Deliveries {
  return {
    ...deliveries,
    async settle(claim, settlement) {
      const { jobId, seq } = claim.before;
      // First: what is settled is not settled again.
      if (settlement.state === 'sent' && named.test(settlement.response))
        await reachable(() =>
          db
            .insertInto('providerMessages')
            .values({ name: settlement.response, jobId, seq })
            .onConflict((conflict) => conflict.column('name').doNothing())
            .execute(),
        );
      await deliveries.settle(claim, settlement);
    },
    async sweep() {
      await reachable(() =>
        db
          .deleteFrom('providerMessages')
          .where('createdAt', '<', sql<Date>`clock_timestamp() - make_interval(days => ${keptDays}::int4)`)
          .execute(),
      );
      return deliveries.sweep();
    },
  };
}

export function createDeliveryLookup(db: Kysely<Database>): DeliveryLookup {
  return {
    find: (messages) =>
      reachable(async () => {
        // PostgreSQL has no NUL.
        const names = messages.filter((name) => !name.includes('\0'));
        if (names.length === 0) return [];
        return db
          .selectFrom('deliveries')
          .select(['deliveries.tenant', 'deliveries.recipientHash'])
          .where('messageId', 'in', names)
          .unionAll(
            db
              .selectFrom('providerMessages')
              .innerJoin('deliveries', (join) =>
                join.onRef('deliveries.jobId', '=', 'providerMessages.jobId').onRef('deliveries.seq', '=', 'providerMessages.seq'),
              )
              .select(['deliveries.tenant', 'deliveries.recipientHash'])
              .where('providerMessages.name', 'in', names),
          )
          .execute();
      }),
  };
}
