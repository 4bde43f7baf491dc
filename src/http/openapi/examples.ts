import type { z } from 'zod';

import type { JobStatus } from '../../jobs/job.ts';
import type { AnyJobType } from '../../jobs/registry.ts';

/** What `.meta({ examples })` says. */
export function examplesOf(schema: z.ZodType | undefined): unknown[] {
  const examples: unknown = schema?.meta()?.['examples'];
  return Array.isArray(examples) ? examples : [];
}

/** A job resource with the example of its type's result. */
export function exampleJob({ type, result }: AnyJobType, status: Extract<JobStatus, 'queued' | 'completed'>): Record<string, unknown> {
  const id = `${type}_favhp5ge2rm62zof2zj3sgeyag`;
  const self = `/v1/jobs/${id}`;
  const done = status === 'completed';
  return {
    id,
    type,
    status,
    createdAt: '2026-11-22T13:25:38.095Z',
    startedAt: done ? '2026-11-22T13:25:38.165Z' : null,
    finishedAt: done ? '2026-11-22T13:25:38.947Z' : null,
    startAt: null,
    expiresAt: null,
    attempt: done ? 1 : null,
    maximumAttempts: null,
    nextAttemptAt: null,
    priority: 3,
    progress: null,
    result: done ? (examplesOf(result)[0] ?? null) : null,
    error: null,
    deadLetter: null,
    stuck: false,
    stuckReason: null,
    notes: [],
    labels: {},
    links: {
      self,
      events: `${self}/events`,
      cancel: `${self}/cancel`,
      retry: `${self}/retry`,
      discard: `${self}/discard`,
      explain: `${self}/explain`,
    },
  };
}
