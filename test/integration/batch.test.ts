import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { notOnce, startBatchSystem } from '../support/batches.ts';
import { eventually } from '../support/eventually.ts';
import { reply } from '../support/mail-server.ts';

let system: Awaited<ReturnType<typeof startBatchSystem>>;

beforeAll(async () => {
  system = await startBatchSystem('test-batch');
});
afterAll(() => system.close());
afterEach(() => {
  system.refusing(() => undefined);
  system.refusingAll(() => undefined);
  system.reachable(true);
});

const nothingElse = { failed: 0, suppressed: 0, inDoubt: 0, duplicates: 0 };
const untilReceived = (addresses: readonly string[], count: number) =>
  eventually(() => {
    expect(system.mailTo(addresses).length).toBeGreaterThanOrEqual(count);
  });

describe('a batch', () => {
  test('sends each of 250 recipients one message of his own, and tells what became of all', async () => {
    const addresses = system.addresses(250);
    const id = await system.submitBatch([...addresses, addresses[0]?.toUpperCase(), { name: 'Twice', address: addresses[1] }]);
    const { result, progress, startedAt } = await system.until(id, { status: 'completed' });
    expect({ result, progress }).toEqual({ result: { recipients: 250, sent: 250, ...nothingElse, duplicates: 2 }, progress: null });
    expect(startedAt).toBeInstanceOf(Date);
    const mails = system.mailTo(addresses);
    expect(notOnce(mails, addresses)).toEqual([]);
    // Nobody learns of anybody else.
    for (const { recipient, raw } of mails) expect(raw.match(/[\w.]+@list\d+\.test/g)).toEqual([recipient]);
    expect(await system.stores.deliveries.counts(id)).toMatchObject({ sent: 250, queued: 0, sending: 0 });
  });

  test('goes on past recipients who are refused, for good or for now, and tries only the latter again', async () => {
    const addresses = system.addresses(130);
    const [never, later] = [addresses[5] ?? '', [addresses[17] ?? '', addresses[121] ?? '']];
    const tries = new Map<string, number>();
    system.refusing((address) => {
      tries.set(address, (tries.get(address) ?? 0) + 1);
      if (address === never) return reply(550, '5.1.1 No such user');
      return later.includes(address) && (tries.get(address) ?? 0) <= 2 ? reply(451, '4.7.1 Come back') : undefined;
    });
    const id = await system.submitBatch(addresses, {}, { options: { retry: { initialIntervalSeconds: 0.5 } } });
    const { result } = await system.until(id, { status: 'completed' });
    expect(result).toEqual({ recipients: 130, sent: 129, ...nothingElse, failed: 1 });
    const others = addresses.filter((address) => address !== never);
    expect(notOnce(system.mailTo(addresses), others)).toEqual([]);
    expect([...tries].filter(([, count]) => count !== 1)).toEqual(later.map((address) => [address, 3]));
    const [failed] = await system.stores.deliveries.page(id, { state: 'failed', limit: 10 });
    expect(failed).toMatchObject({ seq: 5, code: 'recipient_rejected' });
  });

  test('gives up recipients who are refused for now once their tries are used up, and keeps the last reply', async () => {
    const addresses = system.addresses(3);
    system.refusing((address) => (address === addresses[1] ? reply(451, '4.7.1 Come back') : undefined));
    const id = await system.submitBatch(addresses, {}, { options: { retry: { maximumAttempts: 2, initialIntervalSeconds: 0.2 } } });
    const { result } = await system.until(id, { status: 'completed' });
    expect(result).toEqual({ recipients: 3, sent: 2, ...nothingElse, failed: 1 });
    expect(await system.stores.deliveries.page(id, { state: 'failed', limit: 10 })).toMatchObject([
      { seq: 1, code: 'mail_refused_for_now', response: expect.stringContaining('Come back') },
    ]);
  });

  test('is held while our settings are wrong, and then sends only to those who got nothing: nobody gets two', async () => {
    const addresses = system.addresses(230);
    system.refusingAll(() => (system.mailTo(addresses).length < 120 ? undefined : reply(530, '5.7.0 Authentication required')));
    const id = await system.submitBatch(addresses);
    await system.until(id, { status: 'retrying', error: { code: 'mail_configuration' } });
    const before = system.mailTo(addresses).length;
    expect(before).toBeLessThan(230);
    system.refusingAll(() => undefined);
    // Its own next attempt is minutes away.
    await system.jobs.retry('acme', id);
    await system.until(id, { status: 'completed' });
    expect((await system.look(id)).result).toEqual({ recipients: 230, sent: 230, ...nothingElse });
    expect(notOnce(system.mailTo(addresses), addresses)).toEqual([]);
  });

  test('parks when the mail server cannot be reached, and goes on with those without an outcome when it is retried', async () => {
    const addresses = system.addresses(120);
    system.refusing((address) => {
      if (address === addresses[30]) system.reachable(false);
      return undefined;
    });
    const options = { retry: { maximumAttempts: 2, initialIntervalSeconds: 0.1 } };
    const id = await system.submitBatch(addresses, {}, { options });
    const parked = await system.until(id, { status: 'dead_lettered' });
    expect(parked).toMatchObject({
      deadLetter: { step: 'sendChunk', error: { code: 'mail_server_unreachable' } },
      result: { recipients: 120 },
    });
    expect(system.mailTo(addresses).length).toBeLessThan(120);
    system.refusing(() => undefined);
    system.reachable(true);
    await system.jobs.retry('acme', id);
    await system.until(id, { status: 'completed', result: { sent: 120 } });
    expect(notOnce(system.mailTo(addresses), addresses)).toEqual([]);
  });

  test('is told to pause and to resume: in between nothing leaves, and it says so', async () => {
    const addresses = system.addresses(60);
    const id = await system.submitBatch(addresses, { ratePerSecond: 10 });
    await untilReceived(addresses, 3);
    expect(await system.jobs.batches.pause('acme', id)).toMatchObject({ status: 'running' });
    await system.until(id, { status: 'running', progress: { stage: 'paused by hand', total: 60, unit: 'recipients' } });
    const sent = system.mailTo(addresses).length;
    expect(sent).toBeLessThan(60);
    const explained = await system.jobs.explain('acme', id);
    expect(explained?.because.map(({ code }) => code)).toEqual(['paused_by_hand']);
    expect(explained?.next.map(({ action }) => action)).toEqual(['resume batch', 'cancel']);
    expect(await system.jobs.batches.pause('globex', id)).toBeUndefined();
    expect(system.mailTo(addresses)).toHaveLength(sent);
    expect((await system.look(id)).progress).toMatchObject({ done: sent });
    await system.jobs.batches.resume('acme', id);
    await system.until(id, { status: 'completed', result: { recipients: 60, sent: 60 } });
    expect(notOnce(system.mailTo(addresses), addresses)).toEqual([]);
    await expect(system.jobs.batches.pause('acme', id)).rejects.toMatchObject({ code: 'job_not_pausable' });
  });

  test('is cancelled between chunks, also while it is paused, and keeps what was sent', async () => {
    const addresses = system.addresses(400);
    const [working, paused] = [addresses.slice(0, 200), addresses.slice(200)];
    const ids = [await system.submitBatch(working, { ratePerSecond: 5 }), await system.submitBatch(paused, { ratePerSecond: 5 })];
    await Promise.all([untilReceived(working, 2), untilReceived(paused, 2)]);
    await system.jobs.batches.pause('acme', ids[1] ?? '');
    await system.until(ids[1] ?? '', { progress: { stage: 'paused by hand' } });
    for (const [index, id] of ids.entries()) {
      await system.jobs.cancel('acme', id);
      const { result } = await system.until(id, { status: 'cancelled' });
      const sent = system.mailTo(index === 0 ? working : paused).length;
      expect(sent).toBeLessThan(200);
      expect(result).toEqual({ recipients: 200, sent, ...nothingElse });
    }
  });

  test.each([10, 120])('sends no more than %d messages a second, over all its chunks', async (ratePerSecond) => {
    const addresses = system.addresses(ratePerSecond === 10 ? 40 : 360);
    const id = await system.submitBatch(addresses, { ratePerSecond });
    await system.until(id, { status: 'completed' });
    const times = system
      .mailTo(addresses)
      .map(({ at }) => at)
      .sort((one, other) => one - other);
    const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1_000;
    // Each lane may make up for a second that it has lost.
    expect(seconds).toBeGreaterThanOrEqual(times.length / ratePerSecond - 1.2);
  });

  test('sends nothing outside its window, says so, and goes on when it opens', async () => {
    const addresses = system.addresses(5);
    const hour = (ahead: number) => new Date(Date.now() + ahead * 3_600_000).toISOString().slice(11, 13);
    const id = await system.submitBatch(addresses, { window: { from: `${hour(2)}:00`, until: `${hour(4)}:00`, timeZone: 'UTC' } });
    await system.until(id, { status: 'running', progress: { done: 0, stage: 'waiting for the send window' } });
    const explained = await system.jobs.explain('acme', id);
    expect(explained?.because).toMatchObject([
      { code: 'outside_send_window', facts: { opensAt: expect.stringMatching(new RegExp(`T${hour(2)}:00:00`)) } },
    ]);
    expect(system.mailTo(addresses)).toEqual([]);
    // The server lets the time of this run fly by.
    const { workflowService, options } = system.link.client();
    await workflowService.updateWorkflowExecutionOptions({
      namespace: options.namespace,
      workflowExecution: { workflowId: id },
      workflowExecutionOptions: { timeSkippingConfig: { enabled: true } },
      updateMask: { paths: ['time_skipping_config'] },
    });
    await system.until(id, { status: 'completed', result: { sent: 5 } });
  });
});

describe('a long batch', () => {
  test('goes on in new runs, and is one job all the same: its times, labels, counts and pause stay', async () => {
    const addresses = system.addresses(900);
    const options = { labels: { list: 'long' }, delaySeconds: 2, ttlSeconds: 60, priority: 2, retry: { maximumAttempts: 5 } };
    const id = await system.submitBatch(addresses, {}, { options, more: { eventsPerRun: 25 } });
    const scheduled = await system.look(id);
    expect(scheduled).toMatchObject({ status: 'scheduled', startedAt: null });
    await expect(system.jobs.batches.pause('acme', id)).rejects.toMatchObject({ code: 'job_not_pausable' });
    const inSecondRun = await eventually(
      async () => {
        const { runId, raw } = await system.handle(id).describe();
        expect(raw.workflowExecutionInfo?.firstRunId).not.toBe(runId);
        return system.look(id);
      },
      { every: 50 },
    );
    expect(['running', 'completed']).toContain(inSecondRun.status);
    const job = await system.until(id, { status: 'completed' });
    expect(job.result).toEqual({ recipients: 900, sent: 900, ...nothingElse });
    expect(notOnce(system.mailTo(addresses), addresses)).toEqual([]);
    const { createdAt, startAt, startedAt, priority, labels, expiresAt } = job;
    const { createdAt: first, startAt: asked, ...others } = scheduled;
    expect({ createdAt, startAt, priority, labels, expiresAt }).toEqual({
      ...{ createdAt: first, startAt: asked, priority: 2, labels: { list: 'long' }, expiresAt: others.expiresAt },
    });
    expect(startedAt?.getTime()).toBeGreaterThanOrEqual(asked?.getTime() ?? Infinity);
    expect(startedAt?.getTime()).toBeLessThan(Math.min(...system.mailTo(addresses).map(({ at }) => at)));
    const description = await system.handle(id).describe();
    expect(description.raw.workflowExecutionInfo?.priority?.priorityKey).toBe(2);
    await eventually(async () => {
      const { items } = await system.jobs.list('acme', { labels: [{ key: 'list', value: 'long' }] }, { limit: 50 });
      expect(items).toMatchObject([{ id, status: 'completed' }]);
    });
  });
});
