import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { Standing } from '../../src/jobs/concurrency.ts';
import { eventually } from '../support/eventually.ts';
import { startLimitedSystem } from '../support/limited.ts';

let system: Awaited<ReturnType<typeof startLimitedSystem>>;

beforeAll(async () => {
  system = await startLimitedSystem('test-concurrency');
  await system.startWorker();
});
afterAll(() => system.close());

describe('jobs under a limit', () => {
  test('eight of them with a limit of two: never more than two at once, and all complete', async () => {
    await system.limit('eight', 2);
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const ids = await Promise.all(names.map((name) => system.send('eight', name)));
    const done: string[] = [];
    while (done.length < names.length) {
      const atWork = Math.min(2, names.length - done.length);
      await eventually(
        () => {
          expect(system.working('eight')).toHaveLength(atWork);
        },
        { every: 20 },
      );
      const [name = ''] = system.namesAtWork('eight');
      done.push(name);
      system.letGo('eight', name);
    }
    for (const id of ids) expect(await system.untilStatus('eight', id, 'completed')).toMatchObject({ attempt: 1, error: null });
    expect(system.most.get('eight')).toBe(2);
    expect([...done].sort()).toEqual(names);
  });

  test('is queued and has not begun until it has a place, and says why', async () => {
    await system.limit('told', 1);
    const first = await system.send('told', 'first');
    await system.untilAtWork('told', 'first');
    const second = await system.send('told', 'second', { ttlSeconds: 3_600 });
    const waiting = { limit: 1, holding: 1, ahead: 0, since: expect.any(String) };
    const explanation = await system.untilInLine('told', second, waiting);
    const third = await system.send('told', 'third');
    expect(explanation?.because.map(({ code }) => code)).toEqual(['waiting_for_place', 'expires']);
    await system.untilInLine('told', third, { ...waiting, ahead: 1 });
    expect(await system.look('told', second)).toMatchObject({ status: 'queued', startedAt: null, attempt: null, progress: null });
    const { items } = await system.jobs.list('told', {}, { limit: 10 });
    expect(items.every(({ type }) => type === 'email')).toBe(true);
    system.letGo('told', 'first');
    await system.untilAtWork('told', 'second');
    const { startedAt } = await system.look('told', second);
    expect(startedAt?.getTime()).toBeGreaterThan((await system.untilStatus('told', first, 'completed')).startedAt?.getTime() ?? Infinity);
    expect((await system.jobs.explain('told', second))?.because.map(({ code }) => code)).toEqual(['running_step']);
    system.letGo('told', 'second');
    await system.untilAtWork('told', 'third');
    system.letGo('told', 'third');
    expect(await system.untilStatus('told', second, 'completed')).toMatchObject({ startedAt });
  });

  test('get places by priority, and in the order of coming within one', async () => {
    await system.limit('urgent', 1);
    await system.send('urgent', 'holder');
    await system.untilAtWork('urgent', 'holder');
    for (const [name, priority, ahead] of [
      ['last', 5, 0],
      ['usual', 3, 0],
      ['later', 3, 1],
      ['first', 1, 0],
    ] as const)
      await system.untilInLine('urgent', await system.send('urgent', name, { priority }), { ahead });
    const order = ['holder', 'first', 'usual', 'later', 'last'];
    for (const name of order) {
      await system.untilAtWork('urgent', name);
      system.letGo('urgent', name);
    }
    expect(system.begun.filter((address) => address.startsWith('urgent-'))).toEqual(order.map((name) => `urgent-${name}@example.com`));
  });

  test('of another type and another tenant pass, and write not one event for it', async () => {
    await system.limit('narrow', 0);
    const held = await system.send('narrow', 'held');
    await system.untilInLine('narrow', held, { limit: 0, holding: 0, ahead: 0 });
    const request = { title: 'Sales', source: { rows: [{ a: 1 }] }, outputs: [{ format: 'csv' }] };
    const { job: report } = await system.submit('report', request, { tenant: 'narrow' });
    const { job: unlimited } = await system.submit('report', request, { tenant: 'without-limits' });
    const other = await system.send('wide', 'passes');
    await system.untilAtWork('wide', 'passes');
    system.letGo('wide', 'passes');
    await system.untilStatus('narrow', report.id, 'completed');
    await system.untilStatus('without-limits', unlimited.id, 'completed');
    await system.untilStatus('wide', other, 'completed');
    const task = ['workflowTaskScheduled', 'workflowTaskStarted', 'workflowTaskCompleted'];
    const step = ['activityTaskScheduled', 'activityTaskStarted', 'activityTaskCompleted'];
    expect(await system.eventsOf(other)).toEqual(['workflowExecutionStarted', ...task, ...step, ...task, 'workflowExecutionCompleted']);
    // A report writes down that it has its outputs apart.
    const patch = ['markerRecorded', 'upsertWorkflowSearchAttributes'];
    const whole = ['workflowExecutionStarted', ...task, ...patch, ...step, ...task, 'workflowExecutionCompleted'];
    for (const id of [report.id, unlimited.id]) expect(await system.eventsOf(id)).toEqual(whole);
    await system.jobs.cancel('narrow', held);
  });
});

describe('a job that waits for a place', () => {
  test('leaves the line at once when it is cancelled, and nothing of it was done', async () => {
    await system.limit('leaver', 1);
    await system.send('leaver', 'holder');
    await system.untilAtWork('leaver', 'holder');
    const leaver = await system.send('leaver', 'leaver');
    await system.untilInLine('leaver', leaver, { ahead: 0 });
    const next = await system.send('leaver', 'next');
    await system.untilInLine('leaver', next, { ahead: 1 });
    await system.jobs.cancel('leaver', leaver);
    expect(await system.untilStatus('leaver', leaver, 'cancelled')).toMatchObject({ startedAt: null, attempt: null });
    await system.untilInLine('leaver', next, { ahead: 0 });
    system.letGo('leaver', 'holder');
    await system.untilAtWork('leaver', 'next');
    system.letGo('leaver', 'next');
    expect(system.begun).not.toContain('leaver-leaver@example.com');
  });

  test('expires at its deadline, with nothing done, and leaves the line', async () => {
    await system.limit('brief', 1);
    await system.send('brief', 'holder');
    await system.untilAtWork('brief', 'holder');
    const brief = await system.send('brief', 'brief', { ttlSeconds: 3 });
    const next = await system.send('brief', 'next');
    expect(await system.untilStatus('brief', brief, 'expired')).toMatchObject({ startedAt: null, error: { code: 'expired' } });
    await eventually(async () => {
      expect((await system.look('brief', brief)).finishedAt).not.toBeNull();
    });
    await system.untilInLine('brief', next, { ahead: 0 });
    system.letGo('brief', 'holder');
    await system.untilAtWork('brief', 'next');
    system.letGo('brief', 'next');
    expect(system.begun).not.toContain('brief-brief@example.com');
  });

  test('goes on at once when the limit is raised or lifted; a lowered one holds until enough have left', async () => {
    await system.limit('moving', 1);
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await system.send('moving', name);
      await system.untilAtWork('moving', 'a');
    }
    await system.limit('moving', 3);
    await eventually(
      () => {
        expect(system.working('moving')).toHaveLength(3);
      },
      { every: 50 },
    );
    await system.limit('moving', 1);
    const names = () => system.namesAtWork('moving');
    const [one = '', two = '', last = ''] = names();
    system.letGo('moving', one);
    system.letGo('moving', two);
    const standing = () => system.keeper('moving').query<Standing, [string]>('standingQuery', '');
    await eventually(async () => {
      expect(await standing()).toMatchObject({ limit: 1, holding: 1, waiting: 2 });
    });
    expect(names()).toEqual([last]);
    await system.limit('moving', undefined);
    await eventually(
      () => {
        expect(system.working('moving')).toHaveLength(3);
      },
      { every: 50 },
    );
    for (const name of names()) system.letGo('moving', name);
  });

  test('learns of another limit within half a minute even when nobody tells it', async () => {
    await system.limit('untold', 0);
    const patient = await system.send('untold', 'patient');
    await system.untilInLine('untold', patient);
    await system.limit('untold', 1, { tell: false });
    await system.untilAtWork('untold', 'patient');
    expect(await system.look('untold', patient)).toMatchObject({ status: 'running' });
    system.letGo('untold', 'patient');
  });

  test('is found by a bulk cancellation', async () => {
    await system.limit('many', 0);
    const ids = await Promise.all(['a', 'b', 'c'].map((name) => system.send('many', name)));
    for (const id of ids) await system.untilInLine('many', id);
    await eventually(async () => {
      expect((await system.jobs.count('many', {})).running).toBe(3);
    });
    const [id, asked] = [`bulk_${system.keeper('many').workflowId.slice(6)}`, { status: 'running' as const }];
    const filter = { statuses: ['running' as const], labelHashes: [] };
    const order = { tenant: 'many', action: 'cancel' as const, dryRun: false, ratePerSecond: 100 };
    await system.jobs.bulkActions.start({ id, ...order, filter, asked, fingerprint: 'f' });
    for (const job of ids) await system.untilStatus('many', job, 'cancelled');
    expect(await system.keeper('many').query('standingQuery', '')).toMatchObject({ waiting: 0 });
  });
});
