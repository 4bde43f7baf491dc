import { msToTs, tsToMs } from '@temporalio/common/lib/time.js';
import type { NativeConnection } from '@temporalio/worker';

/** How long a Temporal of our own keeps finished jobs; its default is one day. An Idempotency-Key lives as long. */
const retention = '30 days';

/** Lengthens the retention of a namespace that is ours alone. Never shortens it: that would delete jobs. */
export async function keepFinishedJobs({ workflowService }: NativeConnection, namespace: string): Promise<void> {
  const wanted = msToTs(retention);
  const { config } = await workflowService.describeNamespace({ namespace });
  if (config?.workflowExecutionRetentionTtl != null && tsToMs(config.workflowExecutionRetentionTtl) >= tsToMs(wanted)) return;
  await workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl: wanted } });
}
