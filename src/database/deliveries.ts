import { type Kysely, sql } from 'kysely';

import type { Claim, DeliveryLedger, DeliveryRecord, DeliveryState, NewDelivery } from '../../activities/mail-ports.ts';
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

/** A statement costs both sides more than what is in it. */
const writesPauseMs = 2;

const longestResponse = 1_000;
/** PostgreSQL has no NUL, and one bad text must not fail a whole group. */
const stored = (text: string) => Array.from(text.replaceAll('\0', '')).slice(0, longestResponse).join('');

const keyOf = ({ before: { jobId, seq } }: Claim) => `${jobId} ${String(seq)}`;

const columns = ['jobId', 'seq', 'state', 'messageId', 'provider', 'response', 'code', 'doubted', 'held'] as const;

interface Row {
  jobId: string;
  seq: number;
}

interface Change {
  claim: Claim;
  state: DeliveryState;
  provider: string | null;
  code: string | null;
  response: string | null;
}

export function createDeliveries(db: Kysely<Database>): Deliveries {
  // What begins and what has ended at the same time goes into one statement. All of it is in the order of its coming, for each delivery.
  const write = groupCommit<Change, boolean>({
    pauseMs: writesPauseMs,
    keyOf: ({ claim }) => keyOf(claim),
    commit: (items) =>
      reachable(async () => {
        const list = (pick: (one: Change) => string | number | null) => items.map(pick);
        const { rows } = await sql<Row>`
          update deliveries as known set
            state = given.state, provider = coalesce(given.provider, known.provider),
            code = case when given.state = 'sending' then known.code else given.code end,
            response = case when given.state = 'sending' then known.response else given.response end,
            doubted = known.doubted or coalesce(given.code = 'delivery_in_doubt', false),
            held = known.held + (case when given.code = 'mail_configuration' then 1 else 0 end), changed_at = clock_timestamp()
          from unnest(
            ${list(({ claim }) => claim.before.jobId)}::text[], ${list(({ claim }) => claim.before.seq)}::int4[],
            ${list(({ claim }) => claim.fence)}::int4[], ${list(({ state }) => state)}::text[],
            ${list(({ provider }) => provider)}::text[], ${list(({ code }) => code)}::text[],
            ${list(({ response }) => response && stored(response))}::text[]
          ) as given (job_id, seq, fence, state, provider, code, response)
          where known.job_id = given.job_id and known.seq = given.seq and (
            (given.state = 'sent' and known.state <> 'sent')
            or (known.fence = given.fence and known.state in ('queued', 'sending')))
          returning known.job_id, known.seq`.execute(db);
        const written = new Set(rows.map(({ jobId, seq }) => `${jobId} ${String(seq)}`));
        return items.map(({ claim }) => written.has(keyOf(claim)));
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

    begin: (claim, provider) => write({ claim, state: 'sending', provider, code: null, response: null }),
    settle: async (claim, settlement) => {
      const { state, response } = settlement;
      const [provider, code] = settlement.state === 'sent' ? [settlement.provider, null] : [null, settlement.code];
      await write({ claim, state, provider, code, response });
    },

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
