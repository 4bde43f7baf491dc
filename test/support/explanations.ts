import { expect } from '@jest/globals';

import { createJobExplainer } from '../../src/jobs/explaining.ts';
import type { Action, Explanation, ExplanationCode, Reason } from '../../src/jobs/explanation.ts';
import type { JobStatus } from '../../src/jobs/job.ts';
import { createPlaceLines } from '../../src/jobs/places.ts';
import { createQueues } from '../../src/jobs/queue-facts.ts';
import { createJobReader } from '../../src/jobs/reading.ts';
import { createTemporalCalls } from '../../src/jobs/temporal-calls.ts';
import { eventually } from './eventually.ts';
import type { TestSystem } from './system.ts';

/** The explanation, once it has this status and code; the reason of that code comes with it. */
export async function untilCode(
  ask: () => Promise<Explanation | undefined>,
  status: JobStatus,
  code: ExplanationCode,
): Promise<Explanation & { reason: Reason }> {
  return eventually(async () => {
    const explanation = await ask();
    expect({ status: explanation?.status, codes: codesOf(explanation) }).toEqual({ status, codes: expect.arrayContaining([code]) });
    return { ...(explanation as Explanation), reason: explanation?.because.find((one) => one.code === code) as Reason };
  });
}

/** The same for a job of the tenant `acme`, as the job client says it. */
export function until(system: TestSystem, id: string, status: JobStatus, code: ExplanationCode): ReturnType<typeof untilCode> {
  return untilCode(() => system.jobs.explain('acme', id), status, code);
}

/** What would be said so many seconds later if nothing had happened meanwhile. */
export function laterBy(system: TestSystem, seconds: number): (id: string) => Promise<Explanation | undefined> {
  const calls = createTemporalCalls(system.link.client);
  const clock = () => Date.now() + seconds * 1000;
  const surroundings = { queues: createQueues(calls, clock), lines: createPlaceLines(calls), now: clock };
  const explainer = createJobExplainer(createJobReader(calls), surroundings);
  return (id) => explainer.explain('acme', id);
}

export function codesOf(explanation: Explanation | undefined): ExplanationCode[] | undefined {
  return explanation?.because.map(({ code }) => code);
}

export function actionsOf({ next }: Explanation): (Action | null)[] {
  return next.map(({ action }) => action);
}
