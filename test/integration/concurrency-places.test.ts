import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { createLine, longestLine } from '../../workflows/line.ts';
import { eventually } from '../support/eventually.ts';
import { startLimitedSystem } from '../support/limited.ts';
import { reply } from '../support/mail-server.ts';
import { twoAttempts } from '../support/parking.ts';

let system: Awaited<ReturnType<typeof startLimitedSystem>>;
let worker: Awaited<ReturnType<typeof system.startWorker>>;

beforeAll(async () => {
  system = await startLimitedSystem('test-concurrency-places');
  worker = await system.startWorker();
});
afterAll(() => system.close());

describe('the place of a job', () => {
  test('that is terminated is handed on', async () => {
    await system.limit('killed', 1);
    const killed = await system.send('killed', 'killed');
    await system.untilAtWork('killed', 'killed');
    await system.untilInLine('killed', await system.send('killed', 'heir'), { holding: 1, ahead: 0 });
    await system.handle(killed).terminate();
    await eventually(
      () => {
        expect(system.begun).toContain('killed-heir@example.com');
      },
      { every: 50 },
    );
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
    const first = await system.link.client().workflow.start('concurrencyLimit', { workflowId, taskQueue: 'test-concurrency-places', args });
    const names = ['a', 'b', 'c', 'd', 'e'];
    const ids = await Promise.all(names.map((name) => system.send('long', name)));
    for (let done = 0; done < names.length; done += 1) {
      await eventually(
        () => {
          expect(system.working('long')).toHaveLength(1);
        },
        { every: 20 },
      );
      system.letGo('long', system.namesAtWork('long')[0] ?? '');
    }
    for (const id of ids) await system.untilStatus('long', id, 'completed');
    expect(system.most.get('long')).toBe(1);
    const state = async (runId?: string) =>
      (await system.link.client().workflow.getHandle(workflowId, runId).describe()).status.name as string;
    expect(await state(first.firstExecutionRunId)).toBe('CONTINUED_AS_NEW');
    await eventually(async () => {
      expect(await state()).toBe('COMPLETED');
    });
    await system.send('long', 'anew');
    await system.untilAtWork('long', 'anew');
    expect(await state()).toBe('RUNNING');
    system.letGo('long', 'anew');
  });

  test('hands as many jobs as it takes to a new run', async () => {
    const { workflowId } = system.keeper('crowd');
    const prefix = `email_${workflowId.slice(6, 12)}`;
    const idOf = (index: number) => prefix + String(index).padStart(20, 'a');
    const line = createLine({ prefix, limit: 0, now: 0 });
    for (let index = 0; index < longestLine; index += 1) line.acquire(idOf(index), 3);
    await system.limit('crowd', 0);
    const { workflow } = system.link.client();
    const args = [{ tenant: 'crowd', type: 'email', limit: 0, eventsPerRun: 12 }, ...line.carried()];
    const { firstExecutionRunId } = await workflow.start('concurrencyLimit', { workflowId, taskQueue: 'test-concurrency-places', args });
    const standing = () => system.keeper('crowd').query('standingQuery', idOf(longestLine - 1));
    const crowded = { limit: 0, holding: 0, waiting: longestLine, ahead: longestLine - 1 };
    await eventually(async () => {
      expect(await standing()).toEqual(crowded);
    });
    await system.keeper('crowd').signal('limitSignal', { limit: 0 });
    await system.keeper('crowd').signal('limitSignal', { limit: 0 });
    await eventually(async () => {
      expect((await system.keeper('crowd').describe()).runId).not.toBe(firstExecutionRunId);
    });
    await eventually(async () => {
      expect(await standing()).toEqual(crowded);
    });
    await system.keeper('crowd').terminate();
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
    await eventually(async () => {
      expect(await system.eventsOf(workflowId)).toContain('timerStarted');
    });
    await worker.close();
    await eventually(async () => {
      expect(await system.eventsOf(workflowId)).toContain('timerFired');
    });
    await system.keeper('late').signal('acquireSignal', { job: later, priority: 3, limit: 1 });
    worker = await system.startWorker();
    await eventually(async () => {
      const events = await system.eventsOf(workflowId);
      const afterwards = events.slice(events.indexOf('timerFired'));
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
