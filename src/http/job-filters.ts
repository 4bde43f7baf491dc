import type { Request } from 'express';
import { z } from 'zod';

import { AppError, type FieldError } from '../errors.ts';
import type { JobFilter } from '../jobs/job-lists.ts';
import { allJobTypes } from '../jobs/registry.ts';
import { listedStatuses } from '../jobs/visibility-query.ts';

const types = allJobTypes.map(({ type }) => type);
const timeFormat = 'must be a time with its offset, like 2026-11-22T13:25:00Z (write + as %2B)';
const limitFormat = 'must be a whole number from 1 to 200';
/** What every Visibility store can hold. */
const [earliest, latest] = [Date.UTC(1970), Date.UTC(2200)];

const instant = z.iso
  .datetime({ offset: true, error: timeFormat, abort: true })
  .refine((text) => Date.parse(text) >= earliest && Date.parse(text) < latest, {
    error: 'must lie between 1970 and 2200',
    params: { outOfRange: true },
  });

/** Any label that a submission may have. */
// eslint-disable-next-line no-control-regex -- the control characters are the point
const label = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}[:=][^\u0000-\u001f\u007f]{0,256}$/, 'must be key:value');

const filters = {
  type: z
    .array(z.enum(types, `must be one of ${types.join(', ')}`))
    .optional()
    .meta({ description: 'Any of these: several times, or separated by commas.' }),
  label: z
    .array(label)
    .max(8, 'must not stand there more than 8 times')
    .optional()
    .meta({
      description: 'All of these: `key:value` or `key=value`, several times.',
      examples: [['order:42']],
    }),
  createdAfter: instant.optional().meta({ description: 'Inclusive.', examples: ['2026-11-22T13:25:00Z'] }),
  createdBefore: instant.optional().meta({ description: 'Exclusive.', examples: ['2026-11-23T00:00:00+01:00'] }),
};

const status = z
  .array(z.enum(listedStatuses, `must be one of ${listedStatuses.join(', ')}; running covers queued, retrying and cancelling`))
  .optional()
  .meta({ description: 'Any of these: several times, or separated by commas. `running` covers `queued`, `retrying` and `cancelling`.' });

/** The query of `GET /v1/jobs/counts`. */
export const countQuery = z.strictObject(filters);

/** The query of `GET /v1/jobs`. */
export const listQuery = z.strictObject({
  ...filters,
  status,
  limit: z
    .int({ error: limitFormat, abort: true })
    .min(1, limitFormat)
    .max(200, limitFormat)
    .default(50)
    .meta({ description: 'Jobs on a page.' }),
  cursor: z.string().optional().meta({ description: '`nextCursor` of the page before, with the same filters.' }),
});

const [separable, repeatable] = [
  ['type', 'status'],
  ['type', 'status', 'label'],
];

/** As the schemas want it: repeatable ones are arrays, `limit` is a number. */
function valuesOf(query: URLSearchParams, single: readonly string[]): { values: Record<string, unknown>; faults: FieldError[] } {
  const names = [...new Set(query.keys())];
  const values = names.map((name) => {
    const all = query.getAll(name);
    if (single.includes(name)) return [name, all[0]];
    if (separable.includes(name)) return [name, all.flatMap((one) => one.split(','))];
    if (repeatable.includes(name)) return [name, all];
    return [name, name === 'limit' && /^-?\d+$/.test(all[0] ?? '') ? Number(all[0]) : all[0]];
  });
  const repeated = names.filter((name) => (!repeatable.includes(name) || single.includes(name)) && query.getAll(name).length > 1);
  return {
    values: Object.fromEntries(values) as Record<string, unknown>,
    faults: repeated.map((name) => ({ pointer: `#query:${name}`, detail: 'must not stand there twice' })),
  };
}

function isOutOfRange(issue: z.core.$ZodIssue): boolean {
  const ofNumber = (issue.code === 'too_small' || issue.code === 'too_big') && ['number', 'int'].includes(issue.origin);
  return ofNumber || (issue.code === 'custom' && issue.params?.['outOfRange'] === true);
}

function faultsOf(issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ pointer: `#query:${key}`, detail: 'is not a filter here' }));
  return [{ pointer: `#query:${String(issue.path[0])}`, detail: issue.message }];
}

/**
 * @param single names that elsewhere may stand there several times, and here may not.
 * @throws AppError `invalid_filter`; `value_out_of_range` when that is all that is wrong.
 */
export function queryOf<T>(schema: z.ZodType<T>, request: Request, single: readonly string[] = []): T {
  const { values, faults } = valuesOf(searchParams(request), single);
  const parsed = schema.safeParse(values);
  if (parsed.success && faults.length === 0) return parsed.data;
  const issues = parsed.error?.issues ?? [];
  const errors = [...faults, ...issues.flatMap(faultsOf)].slice(0, 20);
  const code = faults.length === 0 && issues.every(isOutOfRange) ? 'value_out_of_range' : 'invalid_filter';
  throw new AppError(code, errors.map(({ pointer, detail }) => `${pointer.slice(7)}: ${detail}`)[0] ?? 'The query is not valid.', {
    errors,
  });
}

export function searchParams(request: Request): URLSearchParams {
  return new URLSearchParams(request.originalUrl.split('?').slice(1).join('?'));
}

/** RFC 8288: the same request, from the next page on. */
export function linkToNext(request: Request, nextCursor: string): string {
  const query = searchParams(request);
  query.set('cursor', nextCursor);
  return `<${request.baseUrl}${request.path}?${query.toString()}>; rel="next"`;
}

export function filterOf(query: z.infer<typeof countQuery> & Pick<z.infer<typeof listQuery>, 'status'>): JobFilter {
  const { type, status: statuses, label: labels, createdAfter, createdBefore } = query;
  return {
    ...(type && { types: type }),
    ...(statuses && { statuses }),
    ...(labels && { labels: labels.map(labelOf) }),
    ...(createdAfter !== undefined && { createdAfter: new Date(createdAfter) }),
    ...(createdBefore !== undefined && { createdBefore: new Date(createdBefore) }),
  };
}

/** Keys hold neither separator, so the first one ends the key. */
function labelOf(text: string): { key: string; value: string } {
  const end = text.search(/[:=]/);
  return { key: text.slice(0, end), value: text.slice(end + 1) };
}
