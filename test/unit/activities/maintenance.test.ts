import { describe, expect, test } from '@jest/globals';

import { maintenanceActivities, type MaintenanceDependencies } from '../../../activities/maintenance.ts';
import { AppError } from '../../../src/errors.ts';
import { runActivity } from '../../support/activity.ts';

/** Each page at its turn, then none. */
const pages =
  (...counts: number[]) =>
  () =>
    Promise.resolve(counts.shift() ?? 0);

function maintaining(changes: Partial<MaintenanceDependencies['storage']> = {}, ended: string[] = []) {
  const removed: string[][] = [];
  const jobs = [['report_1', 'report_2'], ['report_3']];
  const activities = maintenanceActivities({
    storage: {
      expire: pages(500, 20),
      forget: pages(),
      jobsWithIntermediates: (after) => Promise.resolve({ '': jobs[0], report_2: jobs[1] }[after] ?? []),
      removeIntermediates(ids) {
        removed.push([...ids]);
        return Promise.resolve(ids.length * 2);
      },
      sweep: () => Promise.resolve({ temporary: 1, blobs: 2 }),
      ...changes,
    },
    endedJobs: (ids) => Promise.resolve(ids.filter((id) => ended.includes(id))),
    sweepLedger: () => Promise.resolve(7),
  });
  return { activities, removed };
}

describe('files', () => {
  test('expire page by page until none is left, and the heartbeats tell how many', async () => {
    const { result, beats } = runActivity(() => maintaining().activities.expireFiles());
    expect(await result).toEqual({ expiredFiles: 520, intermediateFiles: 0, forgottenFiles: 0 });
    expect(beats).toContainEqual({ done: 520, total: null, unit: 'files', stage: 'expiring' });
  });

  test('that only a job needs go once it has ended, and not before', async () => {
    const { activities, removed } = maintaining({}, ['report_2', 'report_3']);
    expect(await runActivity(() => activities.expireFiles()).result).toMatchObject({ intermediateFiles: 4 });
    expect(removed).toEqual([['report_2'], ['report_3']]);
  });

  test('stop expiring when the worker ends, and are counted again by the next attempt', async () => {
    const run = runActivity(() => maintaining({ expire: () => Promise.resolve(500) }).activities.expireFiles());
    run.cancel();
    await expect(run.result).rejects.toThrow('cancelled');
  });
});

test('what fails is told by its code, and may be tried again', async () => {
  const away = new AppError('database_unavailable', 'The database does not answer.', { retryable: true });
  const { activities } = maintaining({ expire: () => Promise.reject(away) });
  await expect(runActivity(() => activities.expireFiles()).result).rejects.toMatchObject({
    type: 'database_unavailable',
    nonRetryable: false,
  });
});

test('the storage and the ledger are swept, and tell what is gone', async () => {
  const { activities } = maintaining();
  expect(await runActivity(() => activities.sweepStorage()).result).toEqual({ temporaryFiles: 1, blobs: 2 });
  expect(await runActivity(() => activities.sweepDeliveries()).result).toEqual({ deliveries: 7 });
});
