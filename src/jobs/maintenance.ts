import { type Client, ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';

/** What one run of `maintainStorage` has done: its result, for whoever looks at it in the Web UI. */
export interface MaintenanceResult {
  /** Whose time was over. */
  expiredFiles: number;
  /** Expired long ago: from now on they are unknown. */
  forgottenFiles: number;
  /** Of jobs that have ended. */
  intermediateFiles: number;
  /** Contents that no file had any more. */
  blobs: number;
  /** Left behind by crashes. */
  temporaryFiles: number;
  /** Rows of the delivery ledger. */
  deliveries: number;
}

/** @param taskQueue of the workflows. */
export const maintenanceIdOf = (taskQueue: string) => `${taskQueue}-maintenance`;

/** Of the runs that the schedule starts: it puts a time behind. No job has such an id. */
export const isMaintenance = (workflowId: string) => /^[A-Za-z0-9-]+-maintenance(?:-\d{4}-\d\d-\d\dT[\d:.]+Z)?$/.test(workflowId);

const deadlineMs = 10_000;

/**
 * Makes the schedule of `maintainStorage`, or brings it up to date. One that somebody has paused stays so. Any number of
 * processes may do it at the same time.
 */
export async function ensureMaintenance(client: Client, taskQueue: string): Promise<void> {
  const id = maintenanceIdOf(taskQueue);
  const plan = {
    // Not all installations at the full hour.
    spec: { intervals: [{ every: '1 hour' as const }], jitter: '10 minutes' as const },
    action: {
      type: 'startWorkflow' as const,
      workflowType: 'maintainStorage',
      workflowId: id,
      taskQueue,
      args: [],
      staticSummary: 'Removes what has expired, and the bytes of what is gone',
    },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 hour' as const },
  };
  await client.withDeadline(Date.now() + deadlineMs, async () => {
    try {
      await client.schedule.create({ scheduleId: id, ...plan });
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      await client.schedule.getHandle(id).update(({ state }) => ({ ...plan, state }));
    }
  });
}
