import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import type { Job } from '../../../src/jobs/job.ts';
import type { Listener, Watching } from '../../../src/jobs/one-watch.ts';
import type { Sighting } from '../../../src/jobs/sighting.ts';
import { createWatcher, type Watcher } from '../../../src/jobs/watch.ts';
import { aJob } from '../../support/api.ts';

const outage = () => new AppError('temporal_unavailable', 'away', { retryable: true });
const id = aJob({}).id;

let watcher: Watcher;
/** What Temporal says now. */
let now: () => Promise<Job | undefined>;
/** Of each look, since the start, in milliseconds. */
let looks: number[];

beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
  looks = [];
  now = () => Promise.resolve(aJob({ id, status: 'running' }));
  watcher = createWatcher({
    get: () => {
      looks.push(Date.now());
      return now();
    },
  });
});
afterEach(() => {
  watcher.close();
  const left = jest.getTimerCount();
  jest.useRealTimers();
  if (left > 0) throw new Error('The watcher has left a timer');
});

interface Recorder extends Listener {
  seen: Sighting[];
  ends: number;
}

function recorder(): Recorder {
  const told: Recorder = {
    seen: [],
    ends: 0,
    look: (sighting) => told.seen.push(sighting),
    end: () => {
      told.ends++;
    },
  };
  return told;
}

async function join(tenant = 'acme', of = id): Promise<Watching> {
  const watching = await watcher.join(tenant, of);
  if (watching === undefined) throw new Error('no such job');
  return watching;
}

async function follow(): Promise<{ watching: Watching; told: Recorder }> {
  const [watching, told] = [await join(), recorder()];
  watching.listen(told);
  return { watching, told };
}

const is = (changes: Partial<Job>) => {
  const job = aJob({ id, ...changes });
  now = () => Promise.resolve(job);
};
const pass = (milliseconds: number) => jest.advanceTimersByTimeAsync(milliseconds);
const pauses = () => looks.slice(1).map((at, index) => at - (looks[index] ?? 0));

describe('a watch', () => {
  test('is one for fifty listeners: they all see what one look saw', async () => {
    const followers = await Promise.all(Array.from({ length: 50 }, follow));
    expect(looks).toEqual([0]);
    is({ status: 'retrying' });
    await pass(100);
    expect(looks).toEqual([0, 100]);
    expect(followers.map(({ told }) => told.seen.map(({ job }) => job.status))).toEqual(Array.from({ length: 50 }, () => ['retrying']));
    expect(new Set(followers.map(({ told }) => told.seen[0])).size).toBe(1);
    expect([watcher.jobs(), watcher.looks()]).toEqual([1, 2]);
  });

  test('is another one for another tenant: nobody sees by way of others what is not theirs', async () => {
    await join('acme');
    now = () => Promise.resolve(undefined);
    expect(await watcher.join('other', id)).toBeUndefined();
    expect([looks.length, watcher.jobs()]).toEqual([2, 1]);
  });

  test.each(['queued', 'running', 'retrying', 'cancelling'] as const)('of a %s job looks soon, and then once a second', async (status) => {
    is({ status });
    await follow();
    await pass(4_500);
    expect(pauses()).toEqual([100, 200, 400, 800, 1_000, 1_000, 1_000]);
  });

  test.each(['scheduled', 'dead_lettered'] as const)('of a %s job goes down to a look each five seconds', async (status) => {
    is({ status, startAt: new Date(86_400_000) });
    await follow();
    await pass(25_000);
    expect(pauses().slice(4)).toEqual([1_600, 3_200, 5_000, 5_000, 5_000]);
  });

  test('of a scheduled job looks at its start time', async () => {
    is({ status: 'scheduled', startAt: new Date(18_000) });
    await follow();
    await pass(18_000);
    expect(looks.at(-1)).toBe(18_000);
  });

  test('looks soon again after a change, and not when only the progress changes', async () => {
    await follow();
    await pass(2_500);
    expect(looks.at(-1)).toBe(2_500);
    is({ status: 'running', progress: { done: 1, total: 2, unit: 'rows', stage: 'rendering' } });
    await pass(2_000);
    is({ status: 'retrying' });
    await pass(1_300);
    expect(looks.slice(-6)).toEqual([2_500, 3_500, 4_500, 5_500, 5_600, 5_800]);
  });

  test('looks soon for somebody who comes later, but not more often for many', async () => {
    is({ status: 'dead_lettered' });
    await follow();
    await pass(12_000);
    const before = looks.length;
    for (let i = 0; i < 50; i++) await join();
    await pass(99);
    expect(looks.length - before).toBe(1);
  });

  test('never looks twice at the same time', async () => {
    let answer: (job: Job) => void = () => undefined;
    await follow();
    now = () => new Promise((resolve) => (answer = resolve));
    await pass(60_000);
    await join();
    await pass(60_000);
    expect(looks).toEqual([0, 100]);
    answer(aJob({ id, status: 'running' }));
    await pass(100);
    expect(looks).toHaveLength(3);
  });

  test('tells the same sighting for as long as nothing has changed', async () => {
    const { watching, told } = await follow();
    await pass(700);
    expect(told.seen).toHaveLength(3);
    expect(new Set([watching.sighting, ...told.seen]).size).toBe(1);
  });

  test('tells a change of progress apart from any other', async () => {
    const { watching, told } = await follow();
    const before = watching.sighting;
    is({ status: 'running', progress: { done: 1, total: 2, unit: 'rows', stage: 'rendering' } });
    await pass(100);
    is({ status: 'running', attempt: 2 });
    await pass(200);
    expect(told.seen.map(({ version }) => version === before.version)).toEqual([false, false]);
    expect(told.seen.map(({ steadyVersion }) => steadyVersion === before.steadyVersion)).toEqual([true, false]);
  });

  test.each(['completed', 'failed', 'cancelled', 'expired'] as const)('ends when the job is %s', async (status) => {
    const { watching, told } = await follow();
    is({ status });
    await pass(100);
    expect([told.seen.map(({ job }) => job.status), told.ends]).toEqual([[status], 1]);
    expect(watching.sighting.job.status).toBe(status);
    await pass(60_000);
    expect([looks.length, watcher.jobs()]).toEqual([2, 0]);
  });

  test('of a job that has finished is one look, and over', async () => {
    is({ status: 'completed' });
    const { watching, told } = await follow();
    expect([watching.sighting.job.status, told.seen, told.ends, watcher.jobs()]).toEqual(['completed', [], 1, 0]);
    await join();
    expect(looks).toHaveLength(2);
  });

  test('ends when the job is gone', async () => {
    const { told } = await follow();
    now = () => Promise.resolve(undefined);
    await pass(100);
    expect([told.seen, told.ends, watcher.jobs()]).toEqual([[], 1, 0]);
  });

  test('ends without a word when the last one leaves', async () => {
    const [one, other] = [await follow(), await follow()];
    one.watching.leave();
    one.watching.leave();
    await pass(100);
    expect([one.told.seen.length, other.told.seen.length]).toEqual([0, 1]);
    other.watching.leave();
    await pass(60_000);
    expect([looks.length, watcher.jobs(), other.told.ends]).toEqual([2, 0, 0]);
  });

  test('that nobody waits for any more says nothing of a look that was under way', async () => {
    let answer: (job: Job) => void = () => undefined;
    const { watching, told } = await follow();
    now = () => new Promise((resolve) => (answer = resolve));
    await pass(100);
    watching.leave();
    answer(aJob({ id, status: 'completed' }));
    await pass(60_000);
    expect([told.seen, told.ends, looks.length]).toEqual([[], 0, 2]);
  });
});

describe('while Temporal does not answer', () => {
  test('the first look says so to all who wait for it, and the next one is a new watch', async () => {
    now = () => Promise.reject(outage());
    const both = await Promise.allSettled([join(), join()]);
    expect(both.map((each) => each.status === 'rejected' && (each.reason as AppError).code)).toEqual([
      'temporal_unavailable',
      'temporal_unavailable',
    ]);
    expect([looks.length, watcher.jobs()]).toEqual([1, 0]);
    is({ status: 'running' });
    await expect(join()).resolves.toMatchObject({ sighting: { job: { status: 'running' } } });
  });

  test('later looks keep quiet about it, and come less often', async () => {
    const { watching, told } = await follow();
    await pass(2_500);
    told.seen.length = 0;
    now = () => Promise.reject(outage());
    await pass(20_000);
    expect(pauses().slice(5)).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
    expect([told.seen, told.ends, watching.sighting.job.status]).toEqual([[], 0, 'running']);
    is({ status: 'retrying' });
    await pass(5_000);
    expect(told.seen.map(({ job }) => job.status)).toContain('retrying');
    // And another outage has its whole time again.
    now = () => Promise.reject(outage());
    await pass(29_000);
    expect(told.ends).toBe(0);
  });

  test('for half a minute, the watch ends', async () => {
    const { told } = await follow();
    now = () => Promise.reject(outage());
    await pass(29_000);
    expect(told.ends).toBe(0);
    await pass(10_000);
    expect([told.ends, watcher.jobs()]).toEqual([1, 0]);
  });
});

describe('a watcher that closes', () => {
  test('ends every watch and looks no more', async () => {
    const followers = [await follow(), await follow()];
    watcher.close();
    await pass(60_000);
    expect(followers.map(({ told }) => told.ends)).toEqual([1, 1]);
    expect([looks.length, watcher.jobs()]).toEqual([1, 0]);
  });

  test('still tells what the job is, to those who came before and after', async () => {
    const before = join();
    watcher.close();
    expect((await before).sighting.job.status).toBe('running');
    const { watching, told } = await follow();
    expect([watching.sighting.job.status, told.ends]).toEqual(['running', 1]);
    await pass(60_000);
    expect(looks).toHaveLength(2);
  });
});
