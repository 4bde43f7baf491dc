import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { eventually } from '../support/eventually.ts';
import { startLimitedSystem } from '../support/limited.ts';
import { reply } from '../support/mail-server.ts';
import { twoAttempts } from '../support/parking.ts';

let system: Awaited<ReturnType<typeof startLimitedSystem>>;
let worker: Awaited<ReturnType<typeof system.startWorker>>;

beforeAll(async () => {
  system = await startLimitedSystem('test-concurrency');
  worker = await system.startWorker();
});
afterAll(() => system.close());

/** Events of a job that has ended, by type. */
async function eventsOf(id: string): Promise<string[]> {
  const { events } = await system.handle(id).fetchHistory();
  return (events ?? []).map((event) => {
    const [kind = ''] = Object.entries(event).flatMap(([key, value]) => (key.endsWith('EventAttributes') && value != null ? [key] : []));
    return kind.replace('EventAttributes', '');
  });
}

describe('jobs under a limit', () => {
  test('eight of them with a limit of two: never more than two at once, and all complete', async () => {
    await system.limit('eight', 2);
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const ids = await Promise.all(names.map((name) => system.send('eight', name)));
    const done: string[] = [];
    while (done.length < names.length) {
      const atWork = Math.min(2, names.length - done.length);
      await eventually(() => expect(system.working('eight')).toHaveLength(atWork), { every: 20 });
      const [address = ''] = system.working('eight');
      const name = address.replace(/^eight-|@.*$/g, '');
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
  });

  test('of another type and another tenant pass, and write not one event for it', async () => {
    await system.limit('narrow', 0);
    const held = await system.send('narrow', 'held');
    await system.untilInLine('narrow', held, { limit: 0, holding: 0, ahead: 0 });
    const request = { title: 'Sales', source: { rows: [{ a: 1 }] }, outputs: [{ format: 'csv' }] };
    const { job: report } = await system.submit('report', request, { tenant: 'narrow' });
    const other = await system.send('wide', 'passes');
    await system.untilAtWork('wide', 'passes');
    system.letGo('wide', 'passes');
    await system.untilStatus('narrow', report.id, 'completed');
    await system.untilStatus('wide', other, 'completed');
    const task = ['workflowTaskScheduled', 'workflowTaskStarted', 'workflowTaskCompleted'];
    const step = ['activityTaskScheduled', 'activityTaskStarted', 'activityTaskCompleted'];
    for (const id of [report.id, other])
      expect(await eventsOf(id)).toEqual(['workflowExecutionStarted', ...task, ...step, ...task, 'workflowExecutionCompleted']);
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
    await eventually(async () => expect((await system.look('brief', brief)).finishedAt).not.toBeNull());
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
    await eventually(() => expect(system.working('moving')).toHaveLength(3), { every: 50 });
    await system.limit('moving', 1);
    const names = () => system.working('moving').map((address) => address.replace(/^moving-|@.*$/g, ''));
    const [one = '', two = '', last = ''] = names();
    system.letGo('moving', one);
    system.letGo('moving', two);
    const standing = () => system.keeper('moving').query<{ holding: number }>('standingQuery', '');
    await eventually(async () => expect(await standing()).toMatchObject({ limit: 1, holding: 1, waiting: 2 }));
    expect(names()).toEqual([last]);
    await system.limit('moving', undefined);
    await eventually(() => expect(system.working('moving')).toHaveLength(3), { every: 50 });
    for (const name of names()) system.letGo('moving', name);
  });

  test('learns of another limit within half a minute even when nobody tells it', async () => {
    await system.limit('untold', 0);
    await system.untilInLine('untold', await system.send('untold', 'patient'));
    await system.limit('untold', 1, { tell: false });
    await system.untilAtWork('untold', 'patient');
    system.letGo('untold', 'patient');
  });

  test('is found by a bulk cancellation', async () => {
    await system.limit('many', 0);
    const ids = await Promise.all(['a', 'b', 'c'].map((name) => system.send('many', name)));
    for (const id of ids) await system.untilInLine('many', id);
    await eventually(async () => expect((await system.jobs.count('many', {})).running).toBe(3));
    const [id, asked] = [`bulk_${system.keeper('many').workflowId.slice(6)}`, { status: 'running' as const }];
    const filter = { statuses: ['running' as const], labelHashes: [] };
    const order = { tenant: 'many', action: 'cancel' as const, dryRun: false, ratePerSecond: 100 };
    await system.jobs.bulkActions.start({ id, ...order, filter, asked, fingerprint: 'f' });
    for (const job of ids) await system.untilStatus('many', job, 'cancelled');
    expect(await system.keeper('many').query('standingQuery', '')).toMatchObject({ waiting: 0 });
  });
});

describe('the place of a job', () => {
  test('that is terminated is handed on', async () => {
    await system.limit('killed', 1);
    const killed = await system.send('killed', 'killed');
    await system.untilAtWork('killed', 'killed');
    await system.untilInLine('killed', await system.send('killed', 'heir'), { holding: 1, ahead: 0 });
    await system.handle(killed).terminate();
    await eventually(() => expect(system.begun).toContain('killed-heir@example.com'), { every: 50 });
    system.letGo('killed', 'killed');
    system.letGo('killed', 'heir');
  });

  test('that is parked is handed on, and the job waits for another one when it is retried', async () => {
    await system.limit('parked', 1);
    const parked = await system.send('parked', 'parked', { ...twoAttempts, ttlSeconds: 3_600 });
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      await system.untilAtWork('parked', 'parked');
      system.letGo('parked', 'parked', reply(451, '4.7.1 Come back later'));
    }
    await system.untilStatus('parked', parked, 'dead_lettered');
    const { startedAt } = await system.look('parked', parked);
    await system.send('parked', 'next');
    await system.untilAtWork('parked', 'next');
    await system.jobs.retry('parked', parked);
    const explanation = await system.untilInLine('parked', parked, { holding: 1, ahead: 0 });
    // It had begun, and can expire no more.
    expect(explanation?.because.map(({ code }) => code)).toEqual(['waiting_for_place']);
    expect(await system.look('parked', parked)).toMatchObject({ startedAt, deadLetter: null });
    system.letGo('parked', 'next');
    await system.untilAtWork('parked', 'parked');
    system.letGo('parked', 'parked');
    expect(await system.untilStatus('parked', parked, 'completed')).toMatchObject({ startedAt });
  });

  test('is asked for by a scheduled job only at its start time, also when the job was changed before', async () => {
    await system.limit('planned', 1);
    const planned = await system.send('planned', 'planned', { delaySeconds: 3_600, priority: 5 });
    expect(await system.look('planned', planned)).toMatchObject({ status: 'scheduled', startedAt: null });
    await system.send('planned', 'holder');
    await system.untilAtWork('planned', 'holder');
    const first = await system.send('planned', 'first', { priority: 2 });
    await system.untilInLine('planned', first, { ahead: 0 });
    const startAt = new Date().toISOString();
    await system.jobs.edit('planned', planned, () => Promise.resolve({ startAt, priority: 1, memo: { startAt, priority: 1 } }));
    await system.untilInLine('planned', planned, { ahead: 0 });
    await system.untilInLine('planned', first, { ahead: 1 });
    for (const name of ['holder', 'planned', 'first']) {
      await system.untilAtWork('planned', name);
      system.letGo('planned', name);
    }
    await system.untilStatus('planned', planned, 'completed');
  });

  test('survives a restart of the workers, and so does the line', async () => {
    await system.limit('restart', 1);
    const ids = [await system.send('restart', 'first')];
    await system.untilAtWork('restart', 'first');
    ids.push(await system.send('restart', 'second'));
    await system.untilInLine('restart', ids[1] ?? '', { ahead: 0 });
    system.letGo('restart', 'first');
    await worker.close();
    // Without a worker it says what Temporal knows.
    ids.push(await system.send('restart', 'third'));
    expect(await system.look('restart', ids[2] ?? '')).toMatchObject({ status: 'queued', startedAt: null });
    // Whichever kinds of steps it serves: where workflows are served jobs can ask for a place.
    worker = await system.startWorker({ only: ['email'] });
    for (const name of ['second', 'third']) {
      await system.untilAtWork('restart', name);
      system.letGo('restart', name);
    }
    for (const id of ids) await system.untilStatus('restart', id, 'completed');
  });
});

describe('the workflow that keeps a limit', () => {
  test('goes on in a new run with everybody, ends when it is idle, and begins anew with the next job', async () => {
    await system.limit('long', 1);
    const { workflowId } = system.keeper('long');
    const args = [{ tenant: 'long', type: 'email', limit: 1, eventsPerRun: 25 }];
    const first = await system.link.client().workflow.start('concurrencyLimit', { workflowId, taskQueue: 'test-concurrency', args });
    const names = ['a', 'b', 'c', 'd', 'e'];
    const ids = await Promise.all(names.map((name) => system.send('long', name)));
    for (const _name of names) {
      await eventually(() => expect(system.working('long')).toHaveLength(1), { every: 20 });
      system.letGo('long', (system.working('long')[0] ?? '').replace(/^long-|@.*$/g, ''));
    }
    for (const id of ids) await system.untilStatus('long', id, 'completed');
    expect(system.most.get('long')).toBe(1);
    const state = async (runId?: string) =>
      (await system.link.client().workflow.getHandle(workflowId, runId).describe()).status.name as string;
    expect(await state(first.firstExecutionRunId)).toBe('CONTINUED_AS_NEW');
    await eventually(async () => expect(await state()).toBe('COMPLETED'));
    await system.send('long', 'anew');
    await system.untilAtWork('long', 'anew');
    expect(await state()).toBe('RUNNING');
    system.letGo('long', 'anew');
  });

  test('loses no signal that comes when its time is over, and a job gives back a place that it did not ask for', async () => {
    await system.limit('late', 1);
    await system.send('late', 'first');
    await system.untilAtWork('late', 'first');
    const later = await system.send('late', 'later', { delaySeconds: 3_600 });
    // A worker has it from now on, so that it can answer.
    await system.jobs.edit('late', later, () => Promise.resolve({ priority: 1, memo: { priority: 1 } }));
    system.letGo('late', 'first');
    const { workflowId } = system.keeper('late');
    await eventually(async () => expect(await eventsOf(workflowId)).toContain('timerStarted'));
    await worker.close();
    await eventually(async () => expect(await eventsOf(workflowId)).toContain('timerFired'));
    await system.keeper('late').signal('acquireSignal', { job: later, priority: 3, limit: 1 });
    worker = await system.startWorker();
    await eventually(async () => {
      const afterwards = (await eventsOf(workflowId)).slice((await eventsOf(workflowId)).indexOf('timerFired'));
      expect(afterwards.filter((event) => event.includes('ignal'))).toEqual([
        'workflowExecutionSignaled',
        'signalExternalWorkflowExecutionInitiated',
        'externalWorkflowExecutionSignaled',
        'workflowExecutionSignaled',
      ]);
    });
    expect(await system.look('late', later)).toMatchObject({ status: 'scheduled', startedAt: null });
    await system.jobs.cancel('late', later);
  });

  test('is no job: neither by its id, nor in lists and counts; and bears whatever is typed by hand', async () => {
    await system.limit('hidden', 0);
    const waiting = await system.send('hidden', 'waiting');
    await system.untilInLine('hidden', waiting);
    const keeper = system.keeper('hidden');
    expect([await system.jobs.get('hidden', keeper.workflowId), await system.jobs.explain('hidden', keeper.workflowId)]).toEqual([
      undefined,
      undefined,
    ]);
    await eventually(async () => {
      const { items } = await system.jobs.list('hidden', {}, { limit: 10 });
      expect(items.map(({ id }) => id)).toEqual([waiting]);
    });
    expect((await system.jobs.count('hidden', {})).running).toBe(1);
    for (const name of ['acquireSignal', 'releaseSignal', 'limitSignal'])
      for (const typed of [undefined, null, 'x', 7, { job: 7, priority: 'x', limit: 'x' }, { job: 'x', limit: -1 }])
        await keeper.signal(name, typed);
    await keeper.cancel();
    await system.limit('hidden', 1);
    await system.untilAtWork('hidden', 'waiting');
    system.letGo('hidden', 'waiting');
    await system.untilStatus('hidden', waiting, 'completed');
  });
});
