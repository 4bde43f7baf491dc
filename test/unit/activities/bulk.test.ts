import { describe, expect, test } from '@jest/globals';

import { bulkActivities, type BulkJobs } from '../../../activities/bulk.ts';
import { AppError } from '../../../src/errors.ts';
import type { BulkChunk, BulkChunkProgress, JobOperation } from '../../../src/jobs/bulk-action.ts';
import { runActivity } from '../../support/activity.ts';

const ids = (count: number) => Array.from({ length: count }, (_, index) => `email_${String(index)}`);

const chunkOf = (jobIds: string[], changes: Partial<BulkChunk> = {}): BulkChunk => ({
  ...{ tenant: 'acme', action: 'retry', statuses: ['dead_lettered'], asOf: '2026-11-22T12:00:00.000Z' },
  ...{ jobIds, ratePerSecond: 100, nextTurn: null },
  ...changes,
});

const outage = new AppError('temporal_unavailable', 'Temporal does not answer.', { retryable: true });

/** Acts as told, and remembers when and on what. */
function jobsThat(act: (jobId: string) => ReturnType<BulkJobs['act']>) {
  const operations: (JobOperation & { at: number })[] = [];
  const jobs: BulkJobs = {
    count: () => Promise.resolve(0),
    page: () => Promise.resolve({ jobIds: [], pageToken: null }),
    act: (operation) => {
      operations.push({ ...operation, at: Date.now() });
      return act(operation.jobId);
    },
  };
  return { operations, touched: () => operations.map(({ jobId }) => jobId), activities: bulkActivities({ jobs }) };
}

const done = () => Promise.resolve('done' as const);
const lastBeat = (beats: unknown[]) => beats.at(-1) as BulkChunkProgress;

describe('a chunk of a bulk action', () => {
  test('acts on each job once, in order, and tells what became of each', async () => {
    const { activities, operations, touched } = jobsThat((id) => Promise.resolve(id === 'email_1' ? 'skipped' : 'done'));
    const { result, beats } = runActivity(() => activities.actOnJobs(chunkOf(ids(3), { action: 'discard', reason: 'stale' })));
    expect(await result).toMatchObject({ outcomes: ['done', 'skipped', 'done'] });
    expect(touched()).toEqual(ids(3));
    expect(operations[0]).toMatchObject({
      ...{ tenant: 'acme', action: 'discard', reason: 'stale', statuses: ['dead_lettered'], asOf: '2026-11-22T12:00:00.000Z' },
    });
    expect(lastBeat(beats)).toEqual({ done: 3, total: 3, unit: 'jobs', stage: 'discard', outcomes: ['done', 'skipped', 'done'] });
  });

  test('notes the code of a job that fails, and goes on', async () => {
    const { activities } = jobsThat((id) => {
      if (id === 'email_0') return Promise.reject(new AppError('job_not_retryable', 'no'));
      return id === 'email_1' ? Promise.reject(new TypeError('a defect')) : done();
    });
    const { result } = runActivity(() => activities.actOnJobs(chunkOf(ids(3))));
    expect(await result).toMatchObject({ outcomes: ['job_not_retryable', 'internal_error', 'done'] });
  });

  test('is tried again when Temporal is away, and goes on where it was: nothing is done twice', async () => {
    const first = jobsThat((id) => (id === 'email_2' ? Promise.reject(outage) : done()));
    const { result, beats } = runActivity(() => first.activities.actOnJobs(chunkOf(ids(30))));
    await expect(result).rejects.toMatchObject({ type: 'temporal_unavailable', nonRetryable: false });
    expect(first.touched().length).toBeLessThan(30);

    const second = jobsThat(done);
    const heartbeatDetails = lastBeat(beats);
    const again = runActivity(() => second.activities.actOnJobs(chunkOf(ids(30))), { attempt: 2, heartbeatDetails });
    expect((await again.result).outcomes).toEqual(Array(30).fill('done'));
    const doneFirst = first.touched().filter((id) => id !== 'email_2');
    expect([...doneFirst, ...second.touched()].sort()).toEqual(ids(30).sort());
  });

  test('stops when it is cancelled, and still returns what it has done', async () => {
    const { activities, touched } = jobsThat(done);
    const run = runActivity(() => activities.actOnJobs(chunkOf(ids(100), { ratePerSecond: 0.1 })));
    // The second job has its turn in ten seconds.
    await new Promise(setImmediate);
    expect(touched()).toEqual(['email_0']);
    run.cancel();
    expect((await run.result).outcomes).toEqual(['done', ...Array<null>(99).fill(null)]);
    expect(touched()).toEqual(['email_0']);
  });

  test('is never ahead of the asked rate, and says when the next job has its turn', async () => {
    const { activities, operations } = jobsThat(done);
    const firstTurn = Date.now() + 15;
    const { result } = runActivity(() => activities.actOnJobs(chunkOf(ids(10), { ratePerSecond: 50, nextTurn: firstTurn })));
    const { nextTurn } = await result;
    for (const [index, { at }] of operations.entries()) expect(at).toBeGreaterThanOrEqual(firstTurn + index * 20 - 2);
    expect(nextTurn).toBeGreaterThanOrEqual(firstTurn + 200);
  });

  test('does not wait for a slow answer before the next job has its turn', async () => {
    let answer: (outcome: 'done') => void = () => undefined;
    const { activities, touched } = jobsThat((id) => (id === 'email_0' ? new Promise((resolve) => (answer = resolve)) : done()));
    const { result, beats } = runActivity(() => activities.actOnJobs(chunkOf(ids(4))));
    while (lastBeat(beats).done < 3) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(touched()).toEqual(ids(4));
    answer('done');
    expect((await result).outcomes).toEqual(Array(4).fill('done'));
  });
});
