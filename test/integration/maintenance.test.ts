import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { StoredFile } from '../../src/jobs/files.ts';
import { createEndedJobs } from '../../src/jobs/ended-jobs.ts';
import { ensureMaintenance, type MaintenanceResult, maintenanceIdOf } from '../../src/jobs/maintenance.ts';
import { createTemporalCalls } from '../../src/jobs/temporal-calls.ts';
import { eventually } from '../support/eventually.ts';
import { filesBelow } from '../support/files-below.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

const taskQueue = 'test-maintenance';
let system: TestSystem;
const schedule = () => system.link.client().schedule.getHandle(maintenanceIdOf(taskQueue));

beforeAll(async () => {
  system = await startSystem({ taskQueue, only: ['operations', 'upload'] });
});
afterAll(async () => {
  await schedule().delete();
  await system.close();
});

async function uploaded(bytes: string, tenant = 'acme', retentionDays?: number): Promise<StoredFile> {
  const request = { variants: [], ...(retentionDays !== undefined && { retentionDays }) };
  const { job } = await system.submit('upload', request, { tenant, file: { bytes, name: 'a.txt', type: 'text/plain' } });
  return eventually(async () => {
    const found = await system.jobs.get(tenant, job.id);
    expect(found).toMatchObject({ status: 'completed' });
    return (found?.result as { file: StoredFile }).file;
  });
}

const isOnDisk = async ({ sha256 }: StoredFile) => (await filesBelow(system.dataDir)).some((path) => path.endsWith(sha256.slice(2)));

/** As if all bytes had been written two days ago. */
async function age(): Promise<void> {
  const then = new Date(Date.now() - 48 * 3_600_000);
  for (const path of await filesBelow(join(system.dataDir, 'files'))) await utimes(join(system.dataDir, 'files', path), then, then);
}

/** One run, as the schedule starts it. */
async function maintained(): Promise<MaintenanceResult> {
  // Each run is given the result of the one before, once the schedule knows that.
  const before = await eventually(async () => {
    const { numActionsTaken, runningActions } = (await schedule().describe()).info;
    expect(runningActions).toEqual([]);
    return numActionsTaken;
  });
  await schedule().trigger();
  const run = await eventually(async () => {
    const { recentActions, numActionsTaken } = (await schedule().describe()).info;
    expect(numActionsTaken).toBe(before + 1);
    return recentActions.at(-1)?.action.workflow;
  });
  return (await system.link
    .client()
    .workflow.getHandle(run?.workflowId ?? '', run?.firstExecutionRunId)
    .result()) as MaintenanceResult;
}

describe('the maintenance of the storage', () => {
  test('is a schedule, however many processes make it at once, and one that is paused stays so', async () => {
    const client = system.link.client();
    await Promise.all([1, 2, 3].map(() => ensureMaintenance(client, taskQueue)));
    await schedule().pause('by hand');
    await ensureMaintenance(client, taskQueue);
    const { spec, state, policies, action } = await schedule().describe();
    expect(state).toMatchObject({ paused: true, note: 'by hand' });
    expect(policies.overlap).toBe('SKIP');
    expect(spec.intervals).toMatchObject([{ every: 3_600_000 }]);
    expect(action).toMatchObject({ workflowType: 'maintainStorage', taskQueue });
  });

  test('takes files whose time is over from the disk, and leaves the same bytes of another tenant', async () => {
    const [gone, shared, kept] = [
      await uploaded('gone', 'acme', 1),
      await uploaded('shared', 'acme', 1),
      await uploaded('kept', 'acme', 1),
    ];
    const others = await uploaded('shared', 'other');
    expect((Date.parse(gone.expiresAt ?? '') - Date.now()) / 86_400_000).toBeCloseTo(1, 1);
    expect(others).not.toHaveProperty('expiresAt');
    const expiresAt = new Date(Date.now() - 1_000).toISOString();
    await system.stores.files.setTerms('acme', [gone.id, shared.id], { expiresAt });
    await age();
    expect(await isOnDisk(gone)).toBe(true);
    expect(await maintained()).toEqual({
      ...{ expiredFiles: 2, forgottenFiles: 0, intermediateFiles: 0 },
      ...{ blobs: 1, temporaryFiles: 0, deliveries: 0 },
    });
    expect([await isOnDisk(gone), await isOnDisk(shared), await isOnDisk(kept)]).toEqual([false, true, true]);
    expect(await system.stores.files.find('acme', gone.id)).toBeUndefined();
    expect(await system.stores.files.hasExpired('acme', gone.id)).toBe(true);
    expect(await system.stores.files.find('other', others.id)).toMatchObject({ sha256: others.sha256 });
    expect(await maintained()).toMatchObject({ expiredFiles: 0, blobs: 0 });
  });

  test('knows from Temporal which jobs have ended', async () => {
    const calls = createTemporalCalls(() => system.link.client());
    try {
      const { job: open } = await system.submit(
        'email',
        { to: ['ada@example.com'], subject: 'x', text: 'x' },
        { options: { delaySeconds: 3_600 } },
      );
      const { jobId: ended } = (await system.stores.files.find('acme', (await uploaded('ended')).id)) ?? { jobId: '' };
      expect(await createEndedJobs(calls)([open.id, ended, 'report_unknown'])).toEqual([ended, 'report_unknown']);
      await system.jobs.cancel('acme', open.id);
    } finally {
      calls.close();
    }
  });
});
