import { z } from 'zod';

import { AppError, type ErrorCode, type FieldError, invalid, placedAt } from '../errors.ts';
import type { JobType, Submission } from './definition.ts';
import type { PreviewOrder } from './report-preview.ts';
import { assertQuery, tableNamesOf } from './query-check.ts';
import { requestOf } from './report-definitions.ts';
import { report, type ReportInput, type ReportRequest, reportRequest, type ReportResult } from './report.ts';
import { boundParameters, reportQuery } from './report-query.ts';
import { namesInTables } from './table-parameters.ts';
import { versionedName } from './versions.ts';

const { shape } = reportRequest;
type Shape = typeof shape;
const fields = Object.keys(shape) as (keyof Shape)[];
const optionalFields = Object.fromEntries(fields.map((field) => [field, (shape[field] as z.ZodType).optional()])) as {
  [Field in keyof Shape]: z.ZodOptional<Shape[Field]>;
};

/** What says which definition, and with which values. */
const callFields = {
  definition: versionedName
    .optional()
    .meta({ description: 'Name of a report definition. What else is given stands in the place of what it says.' }),
  version: z.int().min(1).optional().meta({ description: 'Of the definition. Default: the newest one when the job is taken.' }),
  parameters: reportQuery.shape.parameters.meta({ description: 'Values by name, as the definition declares them.' }),
};

/** Body of `POST /v1/reports`: all of a report, or a definition with what this call changes. */
export const reportCall = z
  .strictObject({ ...optionalFields, ...callFields })
  .superRefine(
    (call: Record<string, unknown> | null, context) => {
      if (typeof call !== 'object' || call === null) return;
      if (call['definition'] !== undefined) {
        if (call['query'] !== undefined) context.addIssue({ code: 'custom', path: ['query'], message: 'comes from the definition' });
        return;
      }
      for (const field of ['version', 'parameters'])
        if (call[field] !== undefined) context.addIssue({ code: 'custom', path: [field], message: 'goes only with a definition' });
      for (const { message, path } of faultsOfAll(call)) context.addIssue({ code: 'custom', message, path });
    },
    // With other faults, too: all are told at once.
    { when: () => true },
  )
  .meta({
    description: 'Give `title`, `source` and `outputs`, or a `definition`.',
    examples: [
      ...((reportRequest.meta()?.['examples'] as unknown[] | undefined) ?? []),
      { definition: 'sales-by-city', parameters: { since: '2026-01-01' }, source: { fileId: 'file_favhp5o4hkxjxccacfxq2eja7m' } },
    ],
  });

export type ReportCall = z.infer<typeof reportCall>;

/** What is wrong with a request without a definition, beside what is wrong with the fields that are there. */
function* faultsOfAll(call: Record<string, unknown>): Generator<{ path: PropertyKey[]; message: string }> {
  for (const field of fields) {
    const [missing] = call[field] === undefined ? ((shape[field] as z.ZodType).safeParse(undefined).error?.issues ?? []) : [];
    if (missing) yield { path: [field], message: missing.message };
  }
  // What fields say only together, if they say anything: looking at all rows twice would be dear.
  if ((reportRequest._zod.def.checks?.length ?? 0) === 0) return;
  const own = Object.fromEntries(fields.map((field) => [field, call[field]]));
  const fieldwise = z.strictObject(shape).safeParse(own).success;
  if (fieldwise) yield* reportRequest.safeParse(own).error?.issues ?? [];
}

interface Resolved {
  request: ReportRequest;
  definition: NonNullable<ReportInput['definition']>;
}

/** A report as it is asked for, with what its definition says. @throws AppError `definition_not_found`, `invalid_request`. */
async function resolved(call: ReportCall, name: string, { tenant, definitions }: Submission): Promise<Resolved> {
  const { version: asked, parameters } = call;
  const found = await definitions?.find(tenant, name, asked);
  if (found === undefined)
    throw asked === undefined
      ? invalid('/definition', 'There is no such report definition.', 'definition_not_found')
      : invalid('/version', 'There is no such version of this report definition.', 'definition_not_found');
  const { query } = found.source;
  if (query === undefined && Object.keys(parameters ?? {}).length > 0) throw invalid('/parameters', 'the definition has no query');
  const given = Object.fromEntries(
    Object.entries(call).filter(([field, value]) => value !== undefined && !Object.hasOwn(callFields, field)),
  );
  const merged = requestOf(found.source, { ...given, ...(query && { query: { ...query, ...(parameters && { parameters }) } }) });
  if (merged['source'] === undefined) throw invalid('/source', 'is required: the definition leaves it to the call');
  const whole = reportRequest.safeParse(merged);
  if (!whole.success) {
    const errors = whole.error.issues.map(({ path, message }) => ({ pointer: `/${path.join('/')}`, detail: message }));
    throw new AppError('invalid_request', 'The call does not go with its definition.', { errors });
  }
  return { request: whole.data, definition: { name: found.name, version: found.version } };
}

/** What is wrong with what the definition says is told at its name; with values, where the call has them. */
function inCall(error: unknown, call: ReportCall): unknown {
  if (!(error instanceof AppError) || error.errors === undefined) return error;
  const errors = error.errors.map(({ pointer, detail }): FieldError => {
    if (pointer.startsWith('/query/parameters/')) return { pointer: pointer.slice('/query'.length), detail };
    const field = pointer.split('/')[1] ?? '';
    const given = Object.hasOwn(call, field) && call[field as keyof ReportCall] !== undefined;
    return given || ['version', 'parameters'].includes(field) || pointer === '/source'
      ? { pointer, detail }
      : { pointer: '/definition', detail: pointer === '/definition' ? detail : `${pointer.slice(1)}: ${detail}` };
  });
  return placedAt(error, errors);
}

/** A call as a request that a job can be made of. @throws AppError `definition_not_found`, `invalid_request`, `query_invalid`. */
async function requestOfCall(
  call: ReportCall,
  submission: Submission,
): Promise<{ request: ReportRequest; definition?: Resolved['definition'] }> {
  if (call.definition === undefined) return { request: await withQuery(call as ReportRequest, submission) };
  const { request, definition } = await resolved(call, call.definition, submission);
  return { request: await withQuery(request, submission), definition };
}

/** Values first: without them nobody can tell which parameters the query may have. */
async function withQuery(request: ReportRequest, { readQuery }: Submission): Promise<ReportRequest> {
  const { query, source } = request;
  if (query === undefined) return request;
  boundParameters(query);
  if (readQuery) await assertQuery(readQuery, query, tableNamesOf(source), namesInTables(source));
  return request;
}

async function told<T>(call: ReportCall, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw call.definition === undefined ? error : inCall(error, call);
  }
}

/** Of the rows, whatever is made of them. @throws AppError as `requestOfCall`. */
export function previewOf(call: ReportCall, submission: Submission): Promise<PreviewOrder> {
  return told(call, async () => {
    const { request } = await requestOfCall(call, submission);
    // Parquet has types, and so a query makes its rows.
    const { source, columns } = await report.prepare({ ...request, outputs: [{ format: 'parquet' }] }, submission);
    if (!('tables' in source)) throw new TypeError('Rows with types come from a query');
    return { tenant: submission.tenant, source, ...(columns && { columns }) };
  });
}

/** Reports as HTTP takes them: whole, or by a definition. What the workflow gets is the same but for the name. */
export const reportJob: JobType<ReportCall, ReportInput, ReportResult> = {
  ...report,
  request: reportCall,
  problems: [...(report.problems ?? []), 'definition_not_found', 'query_invalid'] satisfies ErrorCode[],
  prepare: (call, submission) =>
    told(call, async () => {
      const { request, definition } = await requestOfCall(call, submission);
      return { ...(await report.prepare(request, submission)), ...(definition && { definition }) };
    }),
  summary: (input) => {
    const { definition } = input;
    return `${report.summary(input)}${definition ? ` by ${definition.name}, version ${String(definition.version)}` : ''}`;
  },
};
