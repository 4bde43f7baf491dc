import { z } from 'zod';

import { jobStatuses, reasonClasses } from '../../jobs/job.ts';
import { allJobTypes, type AnyJobType } from '../../jobs/registry.ts';
import { orNull, problem, progress, time } from './schemas.ts';

export const jobStatus = z.enum(jobStatuses).meta({ id: 'JobStatus' });

const named = ({ type }: AnyJobType, what: string) => `${type.charAt(0).toUpperCase()}${type.slice(1)}${what}`;

/** The body of a submission, or the part `request` of it, as a component. */
export const requestSchemas = new Map(
  allJobTypes.map((type) => [type.type, type.submission.meta({ ...type.request.meta(), id: named(type, 'Request') })]),
);

/** `undefined` for a type that does not say what its result looks like. */
function resultOf(type: AnyJobType): z.ZodType | undefined {
  return type.result?.meta({ ...type.result.meta(), id: named(type, 'Result') });
}

const deadLetter = z
  .object({
    step: z.string().meta({ description: 'The activity that failed.' }),
    reasonClass: z.enum(reasonClasses),
    attempts: z.int().nullable().meta({ description: 'Of that step; null when that is not known.' }),
    redrives: z.int().meta({ description: 'How often the job was retried from here before.' }),
    since: time,
    closesAt: time.meta({ description: 'When the job is closed as failed if nobody decides.' }),
    error: problem,
  })
  .meta({ id: 'DeadLetter' });

const path = z.string();

const links = z
  .object({
    self: path,
    events: path,
    cancel: path,
    retry: path,
    discard: path,
    explain: path,
    temporal: z.string().optional().meta({ description: "Where Temporal's Web UI shows the job." }),
  })
  .meta({ id: 'JobLinks' });

/** What a list shows, too. */
export const summaryFields = {
  id: z.string(),
  status: jobStatus,
  createdAt: time,
  startAt: time.nullable().meta({ description: 'The start time that was asked for.' }),
  finishedAt: time.nullable(),
  priority: z.int().min(1).max(5).meta({ description: '1 first … 5 last.' }),
  labels: z.record(z.string(), z.string()),
  deadLetter: orNull(deadLetter).meta({ description: 'Why and since when the job is parked.' }),
  links,
};

/** For each job type, the job resource with that type's result. */
export const jobSchemas = new Map(
  allJobTypes.map((type) => {
    const result = resultOf(type);
    const schema = z
      .object({
        ...summaryFields,
        type: z.literal(type.type),
        startedAt: time.nullable(),
        expiresAt: time.nullable().meta({ description: 'When the job expires if no worker has begun by then.' }),
        attempt: z.int().nullable().meta({ description: 'Of the step that runs now, or ran last; 1 is the first.' }),
        maximumAttempts: z.int().nullable().meta({ description: 'Of that step; null: as many as its time allows.' }),
        nextAttemptAt: time.nullable().meta({ description: 'While retrying.' }),
        progress: orNull(progress),
        result: (result === undefined ? z.unknown() : orNull(result)).meta({
          description: 'null until the job is completed; of a cancelled job, what was done by then.',
        }),
        error: orNull(problem).meta({ description: 'The final failure or, while retrying, the last.' }),
        stuck: z.boolean().meta({ description: 'The workflow itself fails again and again: a defect, or incompatible code.' }),
        stuckReason: z.string().nullable(),
        notes: z.array(z.object({ at: time, text: z.string() })),
      })
      .meta({ id: named(type, 'Job') });
    return [type.type, schema];
  }),
);

/** Any job; `type` tells which. */
export const job = z.union([...jobSchemas.values()]).meta({ id: 'Job', description: '`type` tells which.' });
