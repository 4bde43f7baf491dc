import { createJobReader } from './reading.ts';
import type { TemporalCalls } from './temporal-calls.ts';

/** Jobs that are looked at at the same time. */
const width = 5;

/** Those of the jobs that have ended, or that Temporal does not know (any more). @throws AppError `temporal_unavailable`. */
export type EndedJobs = (jobIds: readonly string[]) => Promise<string[]>;

export function createEndedJobs({ call }: Pick<TemporalCalls, 'call'>): EndedJobs {
  const reader = createJobReader({ call });

  async function hasEnded(job: string): Promise<boolean> {
    const description = await reader.describe(job);
    return description === undefined || !['RUNNING', 'PAUSED'].includes(description.status.name);
  }

  return async (jobIds) => {
    const ended: string[] = [];
    for (let at = 0; at < jobIds.length; at += width) {
      const some = jobIds.slice(at, at + width);
      const answers = await Promise.all(some.map(hasEnded));
      ended.push(...some.filter((_job, index) => answers[index]));
    }
    return ended;
  };
}
