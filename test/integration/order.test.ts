import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { eventually } from '../support/eventually.ts';
import { startMailServer } from '../support/mail-server.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let mail: Awaited<ReturnType<typeof startMailServer>>;
/** Local parts of the recipients, in the order in which the mail server saw them. */
const arrived: string[] = [];

beforeAll(async () => {
  mail = await startMailServer({
    onRcptTo({ address }, _session, callback) {
      arrived.push(address.split('@')[0] ?? '');
      callback();
    },
  });
  // Workflows run, and what they want to send waits: its worker comes when all of it is there.
  system = await startSystem({ taskQueue: 'test-order', smtpUrl: `smtp://127.0.0.1:${String(mail.port)}`, only: ['report'] });
});
afterAll(async () => {
  await system.close();
  await mail.close();
});

interface Wish {
  name: string;
  tenant?: string;
  priority?: number;
}

/** Submits one e-mail each, in order, and waits until all of them wait for a worker. */
async function pileUp(wishes: Wish[]): Promise<void> {
  const submit = ({ name, tenant = 'acme', priority }: Wish) =>
    system.submit(
      'email',
      { to: [`${name}@example.com`], subject: 'Hello', text: 'Hi' },
      { tenant, options: priority === undefined ? {} : { priority } },
    );
  const ids: string[] = [];
  for (let next = 0; next < wishes.length; next += 10)
    ids.push(...(await Promise.all(wishes.slice(next, next + 10).map(submit))).map(({ job }) => job.id));
  const client = system.link.client();
  const backlog = async () => {
    const { stats } = await client.workflowService.describeTaskQueue({
      namespace: client.options.namespace,
      taskQueue: { name: 'test-order-email' },
      // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- TaskQueueType is in a package of the SDK's own
      taskQueueType: 2,
      reportStats: true,
    });
    expect(Number(stats?.approximateBacklogCount ?? 0)).toBeGreaterThanOrEqual(ids.length);
  };
  await eventually(backlog, { within: 90_000 + ids.length * 250 });
}

/** With a single activity at a time, the order of arrival is the order in which Temporal hands out the work. */
async function orderOf(wishes: Wish[]): Promise<string[]> {
  arrived.length = 0;
  await pileUp(wishes);
  const worker = await system.startWorker({ only: ['email'], workflows: false, concurrency: { email: 1 } });
  try {
    await eventually(() => {
      expect(arrived).toHaveLength(wishes.length);
    });
    expect(new Set(arrived).size).toBe(wishes.length);
    return [...arrived];
  } finally {
    await worker.close();
  }
}

const many = (count: number, name: string, rest: Omit<Wish, 'name'>): Wish[] =>
  Array.from({ length: count }, (_, index) => ({ name: `${name}-${String(index)}`, ...rest }));

const positionsOf = (name: string, order: string[]) => order.flatMap((one, index) => (one.startsWith(`${name}-`) ? [index] : []));

// Temporal's default is four partitions a Task Queue, each with an order of its own: strict order would need a single one.

describe('the order of waiting work', () => {
  test('jobs of priority 1 overtake a backlog of priority 5: all of them run in the first half', async () => {
    const order = await orderOf([...many(40, 'low', { priority: 5 }), ...many(5, 'high', { priority: 1 })]);
    expect(Math.max(...positionsOf('high', order))).toBeLessThan(order.length / 2);
  });

  test('a priority that was changed while the job was scheduled counts, although it begins at once', async () => {
    const low = many(40, 'usual', { priority: 4 });
    const { job } = await system.submit(
      'email',
      { to: ['raised-0@example.com'], subject: 'Hello', text: 'Hi' },
      { options: { delaySeconds: 3_600, priority: 5 } },
    );
    arrived.length = 0;
    await pileUp(low);
    const startAt = new Date().toISOString();
    await system.jobs.edit('acme', job.id, () => Promise.resolve({ startAt, priority: 1, memo: { startAt, priority: 1 } }));
    await eventually(async () => {
      expect(await system.jobs.get('acme', job.id)).toMatchObject({ status: 'queued', priority: 1 });
    });
    const worker = await system.startWorker({ only: ['email'], workflows: false, concurrency: { email: 1 } });
    try {
      await eventually(() => {
        expect(arrived).toHaveLength(low.length + 1);
      });
      expect(positionsOf('raised', arrived)[0]).toBeLessThan(arrived.length / 2);
    } finally {
      await worker.close();
    }
  });

  // The last one: it leaves most of the backlog where it is.
  test('jobs of a small tenant pass a thousand of a big one: all of them run in the first half', async () => {
    arrived.length = 0;
    await pileUp([...many(1_000, 'big', { tenant: 'big' }), ...many(10, 'small', { tenant: 'small' })]);
    const worker = await system.startWorker({ only: ['email'], workflows: false, concurrency: { email: 1 } });
    try {
      await eventually(
        () => {
          expect(positionsOf('small', arrived)).toHaveLength(10);
        },
        { within: 240_000 },
      );
      expect(Math.max(...positionsOf('small', arrived))).toBeLessThan(500);
    } finally {
      await worker.close();
    }
  }, 600_000);
});
