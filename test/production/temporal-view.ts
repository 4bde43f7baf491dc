import { Client, Connection } from '@temporalio/client';

/** `PendingActivityState`: STARTED. */
const started = 2;

export interface TemporalView {
  /** Processes that run an activity of one of these jobs right now, by pid: workers call themselves `handoff-<pid>`. */
  busyPids(jobIds: readonly string[]): Promise<number[]>;
  /** How many activities of these jobs ended only after the first attempt. */
  repeated(jobIds: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

/** Temporal's own word on who works on what. */
export async function viewTemporal(address: string, namespace: string): Promise<TemporalView> {
  const connection = await Connection.connect({ address });
  const { workflow, workflowService } = new Client({ connection, namespace });
  return {
    async busyPids(jobIds) {
      const pids: number[] = [];
      for (const id of jobIds) {
        // The raw answer: what is encrypted in it is not of interest.
        const { pendingActivities } = await workflowService.describeWorkflowExecution({ namespace, execution: { workflowId: id } });
        for (const activity of pendingActivities) {
          const pid = Number(/^handoff-(\d+)/.exec(activity.lastWorkerIdentity ?? '')?.[1]);
          // With a heartbeat: it is in the middle of it, not about to begin.
          if (Number(activity.state) === started && activity.heartbeatDetails && pid > 0) pids.push(pid);
        }
      }
      return pids;
    },
    async repeated(jobIds) {
      let count = 0;
      for (const id of jobIds) {
        const { events } = await workflow.getHandle(id).fetchHistory();
        count += (events ?? []).filter((event) => (event.activityTaskStartedEventAttributes?.attempt ?? 0) > 1).length;
      }
      return count;
    },
    close: () => connection.close(),
  };
}
