import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { createMailRates, type MailRateControl } from '../../src/jobs/mail-rates.ts';
import { createTemporalCalls, type TemporalCalls } from '../../src/jobs/temporal-calls.ts';
import { eventually } from '../support/eventually.ts';
import { startMailServer } from '../support/mail-server.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

const taskQueue = 'test-rates';

let system: TestSystem;
let mail: Awaited<ReturnType<typeof startMailServer>>;
let calls: TemporalCalls;
let rates: MailRateControl;
/** When each message came, in milliseconds. */
const arrivals: number[] = [];

beforeAll(async () => {
  mail = await startMailServer({
    onRcptTo(_address, _session, callback) {
      arrivals.push(performance.now());
      callback();
    },
  });
  const url = `smtp://127.0.0.1:${String(mail.port)}`;
  system = await startSystem({ taskQueue, providers: `main=${url} spare=${url}` });
  await system.startWorker({ only: ['email'], workflows: false, ownConnection: true });
  calls = createTemporalCalls(system.link.client);
  rates = createMailRates(calls, { providers: ['main', 'spare'], taskQueue });
});
afterAll(async () => {
  calls.close();
  await system.close();
  await mail.close();
});

const submit = (count: number) =>
  system.submit('email', {
    to: Array.from({ length: count }, (_, index) => `user${String(index)}@example.com`),
    subject: 'Hello',
    text: 'Hi',
  });

describe('the rate of a provider', () => {
  test('is none until somebody sets one, and is read back as it was set, each one on its own', async () => {
    expect(await rates.read('spare')).toEqual({ perSecond: null, bulkPerSecond: null });
    await rates.set('spare', { perSecond: 14.5, bulkPerSecond: 10 }, 'a test');
    expect(await rates.read('spare')).toEqual({ perSecond: 14.5, bulkPerSecond: 10 });
    await rates.set('spare', { perSecond: null }, 'a test');
    expect(await rates.read('spare')).toEqual({ perSecond: null, bulkPerSecond: 10 });
    expect(await rates.rateOf('spare')).toBe(10);
    expect(await rates.read('main')).toEqual({ perSecond: null, bulkPerSecond: null });
    expect(await rates.rateOf('main')).toBeUndefined();
  });

  test('holds for two workers together, pauses at 0, and counts at once when it is raised', async () => {
    await rates.set('main', { perSecond: 2 }, 'a test');
    await submit(14);
    await eventually(() => {
      expect(arrivals).toHaveLength(14);
    });
    // The first few may come at once; a worker on its own would let twice as many through.
    expect((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(4_000);

    await rates.set('main', { perSecond: 0 }, 'a test');
    const { job } = await submit(5);
    await eventually(async () => {
      const why = await system.jobs.explain('acme', job.id);
      expect(why?.because.map(({ code }) => code)).toContain('queue_paused');
    });
    expect(arrivals).toHaveLength(14);
    await rates.set('main', { perSecond: 100 }, 'a test');
    await eventually(() => {
      expect(arrivals).toHaveLength(19);
    });
  });
});
