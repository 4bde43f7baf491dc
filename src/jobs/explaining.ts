import { explain, isInLine, queuesOf } from './explain.ts';
import type { Explanation } from './explanation.ts';
import type { PlaceLines } from './places.ts';
import type { Queues } from './queue-facts.ts';
import type { JobReader } from './reading.ts';

export interface JobExplainer {
  /** Asks no worker, but for the line that a job waits in. `undefined` when unknown **or another tenant's**. @throws AppError `temporal_unavailable`. */
  explain(tenant: string, id: string): Promise<Explanation | undefined>;
}

interface Surroundings {
  queues: Queues;
  lines: Pick<PlaceLines, 'standing'>;
  /** In milliseconds. */
  now?: () => number;
}

/** One describe, and one more call for each Task Queue that matters, or for the line that the job waits in. */
export function createJobExplainer(reader: JobReader, { queues, lines, now = Date.now }: Surroundings): JobExplainer {
  return {
    async explain(tenant, id) {
      const run = await reader.find(tenant, id);
      if (run === undefined) return undefined;
      const situation = { job: await reader.present(run), facts: run.facts, now: now() };
      const known = await Promise.all(queuesOf(situation, run.description.taskQueue).map((queue) => queues.describe(queue)));
      const standing = isInLine(situation) ? await lines.standing(tenant, run.type.type, id) : undefined;
      return explain({ ...situation, queues: known, standing });
    },
  };
}
