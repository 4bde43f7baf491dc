import { type Kysely, sql } from 'kysely';

import type { Claim, DeliveryLedger, DeliveryRecord, DeliveryState, NewDelivery, Settlement } from '../../activities/mail-ports.ts';
import { groupCommit } from './group-commit.ts';
import { reachable } from './outage.ts';
import type { Database } from './schema.ts';

/** What is known of the deliveries of one job, or of one message, beside what sending needs. */
export interface Deliveries extends DeliveryLedger {
  /** How many deliveries of the job are in which state. */
  counts(jobId: string): Promise<Record<DeliveryState, number>>;
  /** In the order of `seq`. @param from the first `seq` of interest. */
  page(jobId: string, options: { state?: DeliveryState; from?: number; limit: number }): Promise<(DeliveryRecord & { changedAt: Date })[]>;
  /** @param messageId with angle brackets. */
  byMessageId(
    messageId: string,
  ): Promise<(Pick<DeliveryRecord, 'jobId' | 'seq' | 'state'> & { tenant: string; recipientHash: string }) | undefined>;
  /** Removes what is older than any job that could still be read. @returns how many. */
  sweep(): Promise<number>;
}

/**
 * In days, from the first attempt. A job may wait 30 days as a dead letter and is kept for 30 days after its end; the rest is
 * for deliveries that took long.
 */
export const keptDays = 90;
/** One transaction of the sweep: others wait for it on the embedded database. */
const sweptAtOnce = 5_000;

const longestResponse = 1_000;
/** PostgreSQL has no NUL, and one bad text must not fail a whole group. */
const stored = (text: string) => Array.from(text.replaceAll('\0', '')).slice(0, longestResponse).join('');

const keyOf = ({ before: { jobId, seq } }: Claim) => `${jobId} ${String(seq)}`;

const columns = ['jobId', 'seq', 'state', 'messageId', 'provider', 'response', 'code', 'doubted', 'held'] as const;

interface Row {
  jobId: string;
  seq: number;
}

export function createDeliveries(db: Kysely<Database>): Deliveries {
  const begin = groupCommit<{ claim: Claim; provider: string }, boolean>({
    keyOf: ({ claim }) => keyOf(claim),
    commit: (items) =>
      reachable(async () => {
        const { rows } = await sql<Row>`
          update deliveries as known set state = 'sending', provider = given.provider, changed_at = clock_timestamp()
          from unnest(
            ${items.map(({ claim }) => claim.before.jobId)}::text[], ${items.map(({ claim }) => claim.before.seq)}::int4[],
            ${items.map(({ claim }) => claim.fence)}::int4[], ${items.map(({ provider }) => provider)}::text[]
          ) as given (job_id, seq, fence, provider)
          where known.job_id = given.job_id and known.seq = given.seq and known.fence = given.fence
            and known.state in ('queued', 'sending')
          returning known.job_id, known.seq`.execute(db);
        const begun = new Set(rows.map(({ jobId, seq }) => `${jobId} ${String(seq)}`));
        return items.map(({ claim }) => begun.has(keyOf(claim)));
      }),
  });

  const settle = groupCommit<{ claim: Claim; settlement: Settlement }, undefined>({
    keyOf: ({ claim }) => keyOf(claim),
    commit: (items) =>
      reachable(async () => {
        const settlements = items.map(({ settlement }) => settlement);
        await sql`
          update deliveries as known set
            state = given.state, provider = coalesce(given.provider, known.provider), code = given.code, response = given.response,
            doubted = known.doubted or coalesce(given.code = 'delivery_in_doubt', false),
            held = known.held + (case when given.code = 'mail_configuration' then 1 else 0 end), changed_at = clock_timestamp()
          from unnest(
            ${items.map(({ claim }) => claim.before.jobId)}::text[], ${items.map(({ claim }) => claim.before.seq)}::int4[],
            ${items.map(({ claim }) => claim.fence)}::int4[], ${settlements.map(({ state }) => state)}::text[],
            ${settlements.map((one) => (one.state === 'sent' ? one.provider : null))}::text[],
            ${settlements.map((one) => (one.state === 'sent' ? null : one.code))}::text[],
            ${settlements.map(({ response }) => stored(response))}::text[]
          ) as given (job_id, seq, fence, state, provider, code, response)
          where known.job_id = given.job_id and known.seq = given.seq and (
            (given.state = 'sent' and known.state <> 'sent')
            or (known.fence = given.fence and known.state in ('queued', 'sending')))`.execute(db);
        return items.map(() => undefined);
      }),
  });

  const ofJob = (jobId: string) => db.selectFrom('deliveries').where('jobId', '=', jobId);

  return {
    claim: (deliveries, { newCall }) =>
      reachable(async () => {
        if (deliveries.length === 0) return [];
        const list = (pick: (one: NewDelivery) => string | number) => deliveries.map(pick);
        const { rows } = await sql<DeliveryRecord & { fence: number }>`
          insert into deliveries as known (tenant, job_id, seq, message_id, recipient_hash)
          select * from unnest(
            ${list(({ tenant }) => tenant)}::text[], ${list(({ jobId }) => jobId)}::text[], ${list(({ seq }) => seq)}::int4[],
            ${list(({ messageId }) => messageId)}::text[], ${list(({ recipientHash }) => recipientHash)}::text[])
          on conflict (job_id, seq) do update set
            fence = known.fence + 1, doubted = known.doubted or known.state = 'sending',
            held = case when ${newCall}::boolean then 0 else known.held end, changed_at = clock_timestamp()
          returning job_id, seq, state, message_id, provider, response, code, doubted, held, fence`.execute(db);
        const claims = rows.map(({ fence, ...before }): Claim => ({ before, fence }));
        const byKey = new Map(claims.map((claim) => [keyOf(claim), claim]));
        return deliveries.map(({ jobId, seq }) => byKey.get(`${jobId} ${String(seq)}`) as Claim);
      }),

    begin: (claim, provider) => begin({ claim, provider }),
    settle: (claim, settlement) => settle({ claim, settlement }),

    counts: (jobId) =>
      reachable(async () => {
        const rows = await ofJob(jobId)
          .select(['state', (count) => count.fn.countAll<string>().as('count')])
          .groupBy('state')
          .execute();
        const none: Record<DeliveryState, number> = { queued: 0, sending: 0, sent: 0, failed: 0, suppressed: 0, in_doubt: 0 };
        return { ...none, ...Object.fromEntries(rows.map(({ state, count }) => [state, Number(count)])) };
      }),

    page: (jobId, { state, from = 0, limit }) =>
      reachable(() => {
        const rows = ofJob(jobId)
          .select([...columns, 'changedAt'])
          .where('seq', '>=', from)
          .orderBy('seq')
          .limit(limit);
        return (state === undefined ? rows : rows.where('state', '=', state)).execute();
      }),

    byMessageId: (messageId) =>
      reachable(() =>
        db
          .selectFrom('deliveries')
          .select(['tenant', 'jobId', 'seq', 'state', 'recipientHash'])
          .where('messageId', '=', messageId)
          .executeTakeFirst(),
      ),

    async sweep() {
      let removed = 0;
      for (;;) {
        const { numAffectedRows = 0n } = await reachable(() =>
          sql`
            delete from deliveries where ctid = any (array(
              select ctid from deliveries where created_at < clock_timestamp() - make_interval(days => ${keptDays}::int4) limit ${sweptAtOnce}
            ))`.execute(db),
        );
        removed += Number(numAffectedRows);
        if (numAffectedRows < BigInt(sweptAtOnce)) return removed;
      }
    },
  };
}
