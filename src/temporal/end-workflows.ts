import type { Client } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';

const pauseMs = 500;
/** Visibility lags: only when it has shown none for this many looks, there is none. */
const looks = 4;
const pageSize = 200;

/** Terminates every open workflow of a query, until none comes any more. @returns how many. */
export async function endWorkflows({ workflowService, options: { namespace } }: Client, query: string, reason: string): Promise<number> {
  const ended = new Set<string>();
  for (let empty = 0; empty < looks;) {
    const { executions } = await workflowService.listWorkflowExecutions({ namespace, query, pageSize });
    const found = executions.flatMap(({ execution }) => (execution?.workflowId && !ended.has(execution.runId ?? '') ? [execution] : []));
    for (const workflowExecution of found) {
      // It may have ended by itself.
      await workflowService.terminateWorkflowExecution({ namespace, workflowExecution, reason }).catch(() => undefined);
      ended.add(workflowExecution.runId ?? '');
    }
    empty = found.length === 0 ? empty + 1 : 0;
    await sleep(pauseMs);
  }
  return ended.size;
}
