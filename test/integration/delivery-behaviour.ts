import { expect, test } from '@jest/globals';
import { type Kysely, sql } from 'kysely';

import type { Claim, NewDelivery } from '../../activities/mail-ports.ts';
import { createDeliveries, keptDays } from '../../src/database/deliveries.ts';
import { removeTenant } from '../../src/database/erase-tenant.ts';
import type { Database } from '../../src/database/schema.ts';
import { newJobId } from '../../src/jobs/ids.ts';

let jobs = 0;
const newJob = (): string => newJobId('email', 'acme', `delivery ${String(jobs++)}`);
const deliveryOf = (jobId: string, seq = 0, changes: Partial<NewDelivery> = {}): NewDelivery => ({
  ...{ tenant: 'acme', jobId, seq, messageId: `<${jobId}.${String(seq)}@example.org>`, recipientHash: `hash ${String(seq)}` },
  ...changes,
});
const ok = { state: 'sent', response: '250 Grüße 🦌', provider: 'smtp' } as const;
const retried = { newCall: false };
const later = { state: 'queued', code: 'mail_refused_for_now', response: '451 later' } as const;

/** The delivery ledger, on whatever database. */
export function deliveryBehaviour(database: () => Kysely<Database>): void {
  const open = () => createDeliveries(database());
  const one = async (jobId: string, seq = 0, newCall = false): Promise<Claim> => {
    const [claim] = await open().claim([deliveryOf(jobId, seq)], { newCall });
    if (claim === undefined) throw new Error('no claim');
    return claim;
  };
  const stateOf = async (jobId: string) => (await open().page(jobId, { limit: 1 }))[0];

  test('a delivery goes from queued to sending to sent', async () => {
    const [ledger, job] = [open(), newJob()];
    const claim = await one(job);
    expect(claim).toEqual({
      fence: 1,
      before: {
        ...{ jobId: job, seq: 0, state: 'queued', messageId: `<${job}.0@example.org>`, provider: null, response: null, code: null },
        ...{ doubted: false, held: 0 },
      },
    });
    expect(await ledger.begin(claim, 'smtp')).toBe(true);
    expect(await stateOf(job)).toMatchObject({ state: 'sending', provider: 'smtp' });
    await ledger.settle(claim, ok);
    expect((await one(job)).before).toMatchObject({ state: 'sent', provider: 'smtp', response: '250 Grüße 🦌', code: null });
  });

  test('claims come in the order that was asked for, each with a higher fence than before', async () => {
    const job = newJob();
    const asked = [2, 0, 1].map((seq) => deliveryOf(job, seq));
    await one(job, 0);
    const claims = await open().claim(asked, retried);
    expect(claims.map(({ before, fence }) => [before.seq, fence])).toEqual([
      [2, 1],
      [0, 2],
      [1, 1],
    ]);
    expect(await open().claim([], retried)).toEqual([]);
  });

  test('an attempt that lost its claim can neither begin nor settle, but to say that it was sent', async () => {
    const [ledger, job] = [open(), newJob()];
    const old = await one(job);
    expect(await ledger.begin(old, 'smtp')).toBe(true);
    const current = await one(job);
    expect(current.before).toMatchObject({ state: 'sending', doubted: true });
    expect(await ledger.begin(old, 'smtp')).toBe(false);
    await ledger.settle(old, { state: 'failed', code: 'mail_rejected', response: '550 no' });
    expect((await stateOf(job))?.state).toBe('sending');
    await ledger.settle(old, ok);
    expect(await ledger.begin(current, 'smtp')).toBe(false);
    await ledger.settle(current, later);
    expect(await stateOf(job)).toMatchObject({ state: 'sent', response: ok.response });
  });

  test('an outcome stays, unless it turns out that it was sent', async () => {
    const [ledger, job] = [open(), newJob()];
    const claim = await one(job);
    await ledger.settle(claim, { state: 'in_doubt', code: 'delivery_in_doubt', response: 'lost' });
    await ledger.settle(claim, later);
    expect(await ledger.begin(claim, 'smtp')).toBe(false);
    expect(await stateOf(job)).toMatchObject({ state: 'in_doubt', code: 'delivery_in_doubt' });
    await ledger.settle(claim, ok);
    await ledger.settle(claim, { ...ok, response: '250 another' });
    expect(await stateOf(job)).toMatchObject({ state: 'sent', response: ok.response, code: null });
  });

  test('a doubt and the attempts that our settings cost are remembered', async () => {
    const [ledger, job] = [open(), newJob()];
    await ledger.settle(await one(job), { state: 'queued', code: 'mail_configuration', response: '535 no' });
    await ledger.settle(await one(job), { state: 'queued', code: 'delivery_in_doubt', response: 'lost' });
    await ledger.settle(await one(job), later);
    expect((await one(job)).before).toMatchObject({ state: 'queued', code: 'mail_refused_for_now', held: 1, doubted: true });
    expect((await one(job, 0, true)).before).toMatchObject({ held: 0, doubted: true });
  });

  test('calls at the same time all come through, each with its own answer', async () => {
    const [ledger, job] = [open(), newJob()];
    const claims = await ledger.claim(
      Array.from({ length: 1_200 }, (_, seq) => deliveryOf(job, seq)),
      retried,
    );
    const stolen = await ledger.claim(
      claims.filter(({ before }) => before.seq % 5 === 0).map(({ before }) => deliveryOf(job, before.seq)),
      retried,
    );
    const begun = await Promise.all(claims.map((claim) => ledger.begin(claim, 'smtp')));
    expect(begun).toEqual(claims.map(({ before }) => before.seq % 5 !== 0));
    await Promise.all([
      ...claims.map((claim, seq) => ledger.settle(claim, seq % 2 === 0 ? ok : { ...later, response: `451 ${String(seq)}` })),
      ...stolen.map((claim) => ledger.settle(claim, later)),
    ]);
    const rows = await ledger.page(job, { limit: 2_000 });
    expect(rows.map(({ seq }) => seq)).toEqual(claims.map((_, seq) => seq));
    for (const { seq, state, response } of rows)
      expect([seq, state, response]).toEqual(
        seq % 2 === 0 ? [seq, 'sent', ok.response] : [seq, 'queued', seq % 5 === 0 ? '451 later' : `451 ${String(seq)}`],
      );
  });

  test('settling the same delivery twice at the same time keeps the order', async () => {
    const [ledger, job] = [open(), newJob()];
    const claim = await one(job);
    await Promise.all([ledger.settle(claim, later), ledger.settle(claim, ok), ledger.settle(claim, later)]);
    expect((await stateOf(job))?.state).toBe('sent');
  });

  test('a reply that no database can hold does not fail those that are settled with it', async () => {
    const [ledger, job] = [open(), newJob()];
    const claims = await ledger.claim([deliveryOf(job, 0), deliveryOf(job, 1)], retried);
    const replies = [`550 \0\ud800${'😀'.repeat(2_000)}`, '550 no'];
    await Promise.all(
      claims.map((claim, seq) => ledger.settle(claim, { state: 'failed', code: 'mail_rejected', response: replies[seq] ?? '' })),
    );
    const rows = await ledger.page(job, { limit: 2 });
    expect(rows.map(({ state }) => state)).toEqual(['failed', 'failed']);
    expect(Array.from(rows[0]?.response ?? '')).toHaveLength(1_000);
  });

  test('the deliveries of a job are counted, and read page by page', async () => {
    const [ledger, job] = [open(), newJob()];
    const claims = await ledger.claim(
      Array.from({ length: 7 }, (_, seq) => deliveryOf(job, seq)),
      retried,
    );
    for (const claim of claims.slice(0, 3)) await ledger.settle(claim, ok);
    await ledger.settle(claims[4] as Claim, { state: 'suppressed', code: 'bounce', response: 'on the list' });
    expect(await ledger.counts(job)).toEqual({ queued: 3, sending: 0, sent: 3, failed: 0, suppressed: 1, in_doubt: 0 });
    const seqs = async (options: Parameters<typeof ledger.page>[1]) => (await ledger.page(job, options)).map(({ seq }) => seq);
    expect(await seqs({ limit: 3 })).toEqual([0, 1, 2]);
    expect(await seqs({ from: 5, limit: 3 })).toEqual([5, 6]);
    expect(await seqs({ state: 'queued', from: 4, limit: 9 })).toEqual([5, 6]);
    expect(await ledger.counts(newJob())).toMatchObject({ queued: 0, sent: 0 });
  });

  test('a delivery is found by its Message-ID', async () => {
    const job = newJob();
    await one(job, 3);
    expect(await open().byMessageId(`<${job}.3@example.org>`)).toEqual({
      ...{ tenant: 'acme', jobId: job, seq: 3, state: 'queued', recipientHash: 'hash 3' },
    });
    expect(await open().byMessageId('<nobody@example.org>')).toBeUndefined();
  });

  test('erasing a tenant takes its deliveries along, and no others', async () => {
    const [gone, kept] = [newJob(), newJob()];
    await open().claim([deliveryOf(gone, 0, { tenant: 'erased' }), deliveryOf(kept)], retried);
    await removeTenant(database(), 'erased');
    expect(await open().page(gone, { limit: 1 })).toEqual([]);
    expect(await open().page(kept, { limit: 1 })).toHaveLength(1);
  });

  test('rows go when no job can be read any more that they belong to', async () => {
    const [old, young] = [newJob(), newJob()];
    await open().claim([deliveryOf(old), deliveryOf(young)], retried);
    const age = (jobId: string, days: number) =>
      sql`update deliveries set created_at = now() - make_interval(days => ${days}::int4) where job_id = ${jobId}`.execute(database());
    await age(old, keptDays + 1);
    await age(young, keptDays - 1);
    expect(await open().sweep()).toBe(1);
    expect(await open().page(old, { limit: 1 })).toEqual([]);
    expect(await open().page(young, { limit: 1 })).toHaveLength(1);
  });
}
