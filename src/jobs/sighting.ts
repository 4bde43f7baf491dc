import { createHash } from 'node:crypto';

import type { Job } from './job.ts';

/** One look at a job; the same object for as long as nothing changes. */
export interface Sighting {
  readonly job: Job;
  /** Of all that the job says. */
  readonly version: string;
  /** Of all but the progress. */
  readonly steadyVersion: string;
}

const digest = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 16);

export function sightingOf(job: Job): Sighting {
  const steadyVersion = digest({ ...job, progress: null });
  return { job, steadyVersion, version: digest([steadyVersion, job.progress]) };
}
