import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { startMailServer } from '../support/mail-server.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

type MailServer = Awaited<ReturnType<typeof startMailServer>>;

let system: TestSystem;
let second: MailServer;
let firstPort: number;
const open: MailServer[] = [];

beforeAll(async () => {
  firstPort = await freePort();
  second = await startMailServer();
  const providers = `first=smtp://127.0.0.1:${String(firstPort)} second=smtp://127.0.0.1:${String(second.port)}`;
  system = await startSystem({ taskQueue: 'test-failover', providers });
});
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
  second.received.length = 0;
});
afterAll(async () => {
  await system.close();
  await second.close();
});

/** @returns the id of the job. */
async function sent(name: string): Promise<string> {
  const { job } = await system.submit('email', { to: [`${name}@example.com`], subject: 'Hello', text: 'Hi' });
  await eventually(async () => {
    const found = await system.jobs.get('acme', job.id);
    expect(found).toMatchObject({ status: 'completed', result: { messages: [{ status: 'sent' }] } });
  });
  return job.id;
}

const recipientsOf = ({ received }: MailServer) => received.flatMap(({ recipients }) => recipients);

describe('mail whose first provider refuses connections', () => {
  test('leaves by the second one, exactly once, and by the first one again as soon as that is back', async () => {
    await sent('ada');
    await sent('bob');
    expect(recipientsOf(second)).toEqual(['ada@example.com', 'bob@example.com']);
    const first = await startMailServer({}, firstPort);
    open.push(first);
    await sent('eve');
    expect(recipientsOf(first)).toEqual(['eve@example.com']);
    expect(recipientsOf(second)).toEqual(['ada@example.com', 'bob@example.com']);
  });

  test('is done on the lane of the other provider, as its history shows', async () => {
    const id = await sent('ivy');
    const { events } = await system.link.client().workflow.getHandle(id).fetchHistory();
    const queues = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.taskQueue?.name ?? []);
    expect(queues).toEqual(['test-failover-email', 'test-failover-email-second']);
  });

  test('goes by the second one for a whole batch, too: each recipient once, with one outcome', async () => {
    const addresses = Array.from({ length: 120 }, (_, index) => `r${String(index)}@batch.test`);
    const { job } = await system.submit('batch', { recipients: addresses.map((to) => ({ to })), subject: 'News', text: 'Hi' });
    await eventually(async () => {
      expect(await system.jobs.get('acme', job.id)).toMatchObject({
        status: 'completed',
        result: { recipients: 120, sent: 120, failed: 0 },
      });
    });
    expect(recipientsOf(second).sort()).toEqual([...addresses].sort());
  });
});
