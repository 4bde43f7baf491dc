import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { createHttp } from '../../bench/peers/http.ts';
import { prepareGround, startApi, startWorker } from '../../bench/product.ts';
import { onStage, until } from '../../bench/stage.ts';
import { startMailServer } from '../support/mail-server.ts';
import { findPostgres } from '../support/postgres.ts';

const minutes = 60_000;
const recipients = 200;
/** Chunks at work at once, times messages on their way in each. */
const underWay = 4 * 5;
const postgres = await findPostgres();
const missing = 'skipped' in postgres && process.env['DATABASE_URL'] === undefined;
const title = missing
  ? 'kill -9 of a worker in the midst of a batch (skipped: no PostgreSQL)'
  : 'kill -9 of a worker in the midst of a batch';

type Policy = 'at_least_once' | 'at_most_once';
interface Batch {
  status: string;
  result: { sent: number; inDoubt: number } | null;
}

(missing ? describe.skip : describe)(title, () => {
  const copies: Record<Policy, Map<string, number>> = { at_least_once: new Map(), at_most_once: new Map() };
  const batches = new Map<Policy, Batch>();
  const server = startMailServer({
    onData(stream, { envelope }, taken) {
      const [{ address } = { address: '' }] = envelope.rcptTo;
      stream.resume().on('end', () => {
        const policy = address.startsWith('most-') ? 'at_most_once' : 'at_least_once';
        // The API was tried with an e-mail to somebody else.
        if (address !== 'ada@example.com') copies[policy].set(address, (copies[policy].get(address) ?? 0) + 1);
        // Some are under way at any time.
        setTimeout(taken, 20);
      });
    },
  });

  beforeAll(async () => {
    await onStage(
      () => undefined,
      async (stage) => {
        const ground = await prepareGround(stage, { temporalSettings: [], smtpPort: (await server).port });
        const http = createHttp({ ...(await startApi(stage, ground)), connections: 2 });
        const doomed = await startWorker(stage, ground);
        const ids = new Map<Policy, string>();
        for (const policy of ['at_least_once', 'at_most_once'] as const) {
          const to = Array.from({ length: recipients }, (_, index) => ({ to: `${policy.slice(3, 7)}-${String(index)}@example.com` }));
          const body = { subject: 'News', text: 'Hi', category: 'transactional', duplicatePolicy: policy, recipients: to };
          const { text } = await http.send({ method: 'POST', path: '/v1/email-batches', body: JSON.stringify(body) });
          ids.set(policy, (JSON.parse(text) as { id: string }).id);
        }
        await until(
          () => {
            for (const { size } of Object.values(copies)) if (size < 30 || size > recipients - 30) throw new Error('Not in the midst');
          },
          { every: 5 },
        );
        process.kill(doomed.pid, 'SIGKILL');
        await startWorker(stage, ground);
        for (const [policy, id] of ids)
          await until(
            async () => {
              const batch = JSON.parse((await http.send({ method: 'GET', path: `/v1/jobs/${id}?wait=30` })).text) as Batch;
              if (batch.status !== 'completed') throw new Error(`The batch is ${batch.status}`);
              batches.set(policy, batch);
            },
            { within: 4 * minutes },
          );
      },
    );
  }, 8 * minutes);
  afterAll(async () => (await server).close());

  const timesOf = (policy: Policy) => [...copies[policy].values()];

  test('at least once: everybody gets it, and at most those under way twice', () => {
    expect(batches.get('at_least_once')?.result).toMatchObject({ sent: recipients, inDoubt: 0 });
    expect(copies.at_least_once.size).toBe(recipients);
    expect(timesOf('at_least_once').filter((times) => times > 1).length).toBeLessThanOrEqual(underWay);
  });

  test('at most once: nobody gets it twice, and whoever may not have got it is counted as in doubt', () => {
    const { sent = 0, inDoubt = 0 } = batches.get('at_most_once')?.result ?? {};
    expect(sent + inDoubt).toBe(recipients);
    expect(inDoubt).toBeLessThanOrEqual(underWay);
    expect(timesOf('at_most_once').every((times) => times === 1)).toBe(true);
    expect(copies.at_most_once.size).toBeGreaterThanOrEqual(sent);
  });
});
