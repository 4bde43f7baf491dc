import { z } from 'zod';

import { invalid } from '../errors.ts';

/** A hundred years: any time that makes sense, and no overflow. */
const horizonSeconds = 100 * 365 * 86_400;
/** Clocks differ: a start time this far in the past means "now". In milliseconds. */
const toleranceMs = 10_000;

export const defaultPriority = 3;

/** Neither `:` nor `=`, which separate key and value in filters. */
export const labelKey = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'must be 1 to 63 of A-Z, a-z, 0-9, _, . and -');
const labelValue = z
  .string()
  .max(256)
  // eslint-disable-next-line no-control-regex -- the control characters are the point
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'must not contain control characters');

export const retryOptions = z
  .strictObject({
    maximumAttempts: z.int().min(1).max(100).optional(),
    initialIntervalSeconds: z.number().min(0.1).max(3_600).optional(),
    backoffCoefficient: z.number().min(1).max(10).optional(),
    maximumIntervalSeconds: z.number().min(0.1).max(86_400).optional(),
  })
  .refine((retry) => (retry.initialIntervalSeconds ?? 0) <= (retry.maximumIntervalSeconds ?? Infinity), {
    path: ['maximumIntervalSeconds'],
    error: 'must not be smaller than initialIntervalSeconds',
  })
  .meta({
    id: 'RetryOptions',
    description: "Temporal's Retry Policy for every step of this job. What is left out is as the step's own policy says.",
  });

export type RetryOptions = z.infer<typeof retryOptions>;

const labels = z
  .record(labelKey, labelValue)
  .refine((pairs) => Object.keys(pairs).length <= 8, 'must have at most 8 pairs')
  .meta({ description: 'To find the job by; at most 8 pairs.', examples: [{ order: '42' }] });

const startAt = z.iso.datetime({ offset: true }).meta({ description: 'Not before this time. Not together with delaySeconds.' });
const delaySeconds = z.number().min(0).max(horizonSeconds).meta({ description: 'Not before so many seconds from now.' });
const ttlSeconds = z
  .int()
  .min(1)
  .max(horizonSeconds)
  .meta({ description: 'The job expires, with nothing done, when no worker has begun so long after its creation or start time.' });
const priority = z.int().min(1).max(5).meta({ description: '1 first … 5 last. Default 3.' });

const notBoth = { path: ['delaySeconds'], error: 'must not stand beside startAt' };

/** What every submission takes as `options`. */
export const jobOptions = z
  .strictObject({
    startAt: startAt.optional(),
    delaySeconds: delaySeconds.optional(),
    ttlSeconds: ttlSeconds.optional(),
    priority: priority.optional(),
    labels: labels.optional(),
    retry: retryOptions.optional(),
  })
  .refine((options) => options.startAt === undefined || options.delaySeconds === undefined, notBoth)
  .meta({ id: 'JobOptions' });

export type JobOptions = z.infer<typeof jobOptions>;

/** What a scheduled job's `PATCH` takes as `options`: what is left out stays. */
export const changedOptions = z
  .strictObject({
    startAt: startAt.optional(),
    delaySeconds: delaySeconds.optional(),
    ttlSeconds: ttlSeconds.nullable().optional().meta({ description: 'null: never expires.' }),
    priority: priority.optional(),
    labels: labels.optional().meta({ description: 'Replaces all labels.' }),
  })
  .refine((options) => options.startAt === undefined || options.delaySeconds === undefined, notBoth);

export type ChangedOptions = z.infer<typeof changedOptions>;

/**
 * The start time that was asked for, if it lies ahead.
 * @param place where the options stand in the request: a JSON pointer.
 * @throws AppError `start_in_past`, `value_out_of_range`.
 */
export function startTimeOf(options: Pick<JobOptions, 'startAt' | 'delaySeconds'>, now: number, place = '/options'): Date | undefined {
  // Rounded up: not even a fraction of a millisecond too early.
  if (options.delaySeconds !== undefined)
    return options.delaySeconds === 0 ? undefined : new Date(now + Math.ceil(options.delaySeconds * 1000));
  if (options.startAt === undefined) return undefined;
  const time = Date.parse(options.startAt);
  if (time < now - toleranceMs) throw invalid(`${place}/startAt`, 'lies in the past', 'start_in_past');
  if (time > now + horizonSeconds * 1000) throw invalid(`${place}/startAt`, 'is more than a hundred years ahead', 'value_out_of_range');
  return time <= now ? undefined : new Date(time);
}
