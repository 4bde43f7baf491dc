import { expect } from '@jest/globals';

import type { Job } from '../../src/jobs/job.ts';
import { eventually } from './eventually.ts';
import type { TestSystem } from './system.ts';

/** The job of the tenant `acme`, once it has this status. */
export async function untilStatus(system: TestSystem, id: string, status: Job['status']): Promise<Job> {
  return eventually(async () => {
    const job = await system.jobs.get('acme', id);
    expect(job).toMatchObject({ status });
    return job as Job;
  });
}

/** Until this moment is past. */
export async function untilAfter(time: Date | null): Promise<void> {
  await eventually(() => {
    expect(Date.now()).toBeGreaterThan(time?.getTime() ?? Infinity);
  });
}

export async function descriptionOf(system: TestSystem, id: string) {
  return system.link.client().workflow.getHandle(id).describe();
}

/** Values of a search attribute; `undefined` when the run has none. */
export async function attributeValues(system: TestSystem, id: string, name: string): Promise<unknown[] | undefined> {
  const { typedSearchAttributes } = await descriptionOf(system, id);
  const found = typedSearchAttributes.getAll().find(({ key }) => key.name === name)?.value;
  return found === undefined || Array.isArray(found) ? found : [found];
}

/** Temporal lets the clock of this run leap over whatever it waits for. */
export async function skipTime(system: TestSystem, id: string): Promise<void> {
  const { workflowService, options } = system.link.client();
  await workflowService.updateWorkflowExecutionOptions({
    namespace: options.namespace,
    workflowExecution: { workflowId: id },
    workflowExecutionOptions: { timeSkippingConfig: { enabled: true } },
    updateMask: { paths: ['time_skipping_config'] },
  });
}
