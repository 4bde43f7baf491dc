import { explain, queuesOf } from './explain.ts';
import type { Explanation } from './explanation.ts';
import type { Queues } from './queue-facts.ts';
import type { JobReader } from './reading.ts';

export interface JobExplainer {
  /** Asks no worker. `undefined` when unknown **or another tenant's**. @throws AppError `temporal_unavailable`. */
  explain(tenant: string, id: string): Promise<Explanation | undefined>;
}

/** One describe, and one more call for each Task Queue that matters. @param now in milliseconds. */
export function createJobExplainer(reader: JobReader, queues: Queues, now: () => number = Date.now): JobExplainer {
  return {
    async explain(tenant, id) {
      const run = await reader.find(tenant, id);
      if (run === undefined) return undefined;
      const situation = { job: await reader.present(run), facts: run.facts, now: now() };
      const known = await Promise.all(queuesOf(situation, run.description.taskQueue).map((queue) => queues.describe(queue)));
      return explain({ ...situation, queues: known });
    },
  };
}
