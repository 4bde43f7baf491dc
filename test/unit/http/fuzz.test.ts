import { describe, expect, test } from '@jest/globals';
import fc, { type Arbitrary } from 'fast-check';

import { AppError } from '../../../src/errors.ts';
import { openApiDocument } from '../../../src/http/openapi.ts';
import { newJobId } from '../../../src/jobs/ids.ts';
import { allJobTypes } from '../../../src/jobs/registry.ts';
import { answerChecker } from '../../support/answer-schema.ts';
import { type Answer, exchange } from '../../support/exchange.ts';
import { jobOf, keys, testApi } from '../../support/api.ts';
import { type OpenApi, type Operation, operationsOf } from '../../support/openapi.ts';
import { brokenFrom, matching, type Schema } from '../../support/schema-arbitrary.ts';

const seed = 20_261_122;
/** For each operation; each is one request. */
const numRuns = 25;

const api = testApi();
const document = openApiDocument() as OpenApi;
const faultIn = answerChecker(document);
const schemas = document.components.schemas as Record<string, Schema>;
const [type] = allJobTypes;
if (type === undefined) throw new Error('There is no job type');

/** Jobs that the fake client has; they are finished, so that nothing has to be waited for. */
const ownJob = newJobId(type.type, 'acme', 'own');
const foreignJob = newJobId(type.type, 'other', 'foreign');
const createdAt = '2026-11-22T12:00:00.000Z';
const finished = (jobId: string, of = type) =>
  jobOf({ jobId, type: of, tenant: 'acme', createdAt, input: {}, fingerprint: '' } as Parameters<typeof jobOf>[0], {
    status: 'cancelled',
    finishedAt: new Date(createdAt),
  });

const oddText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '-1',
    '0',
    '1',
    '99999999999999999999',
    '1e5',
    'NaN',
    'null',
    '..',
    "' OR 1=1 --",
    '%',
    'wait=0',
    'wait=x',
    'wait',
  ),
  fc.constantFrom('bytes=0-0', 'bytes=-1', 'bytes=9-1', 'bytes=99-', '*', '"x"', 'W/"x"', 'x'.repeat(2000), '{"a":1}', 'ä', '\u202e'),
  fc.string({ maxLength: 30 }),
);
const pathValues = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(ownJob, foreignJob) },
  { weight: 1, arbitrary: fc.constantFrom('%00', '%E0%A4%A', '%2e%2e%2f', '%F0%9F%92%A9', 'x'.repeat(3000)) },
  { weight: 1, arbitrary: oddText.map((text) => encodeURIComponent(text) || 'x') },
);

interface Sent {
  path: string;
  headers: Record<string, string>;
  body: string | FormData | undefined;
  key: string | undefined;
  outage: boolean;
}

/** What fetch takes as a header's value. */
const headerText = (text: string) => text.replaceAll(/[^\x20-\x7e]/g, '?').trim();

const odds = (valid: Arbitrary<unknown>) => fc.oneof(valid.map(String), oddText);

function bodies({ requestBody }: Operation): Arbitrary<Pick<Sent, 'body'> & { contentType?: string }> {
  const [kind, content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  if (kind === undefined || content === undefined) return fc.constantFrom({ body: undefined });
  const valid = matching(content.schema, schemas);
  if (kind === 'multipart/form-data') return fc.oneof(valid, brokenFrom(valid)).map((parts) => ({ body: formOf(parts) }));
  const json = fc.oneof(valid, brokenFrom(valid)).map((value) => ({ body: JSON.stringify(value), contentType: kind }));
  const noJson = fc.record({ body: fc.constantFrom('', '{', '[1,', '"\\u', 'a=b'), contentType: fc.constantFrom(kind, 'text/plain', 'x') });
  return fc.oneof({ weight: 4, arbitrary: json }, { weight: 1, arbitrary: noJson });
}

function formOf(parts: unknown): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(typeof parts === 'object' && parts !== null ? parts : {}))
    if (name === 'file') form.append(name, new Blob([String(value)]), 'a.txt');
    else form.append(name, JSON.stringify(value));
  return form;
}

function requests(operation: Operation): Arbitrary<Sent> {
  const { path, parameters = [] } = operation;
  const named = (where: string) => parameters.filter((parameter) => parameter.in === where);
  const values = (where: string) =>
    fc.record(Object.fromEntries(named(where).map(({ name, schema }) => [name, odds(matching(schema as Schema, schemas))])), {
      requiredKeys: [],
    });
  return fc
    .record({
      ids: fc.record(Object.fromEntries(named('path').map(({ name }) => [name, pathValues]))),
      query: values('query'),
      more: fc.option(fc.tuple(fc.constantFrom('unknown', ...named('query').map(({ name }) => name)), oddText), { nil: undefined }),
      headers: values('header'),
      content: bodies(operation),
      key: fc.constantFrom<string | undefined>(keys.acme, keys.acme, keys.acme, keys.other, 'wrong', undefined),
      outage: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
    })
    .map(({ ids, query, more, headers, content: { body, contentType }, key, outage }) => {
      const search = new URLSearchParams(query as Record<string, string>);
      if (more !== undefined) search.append(...more);
      return {
        path: `${path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => String(ids[name]))}?${String(search)}`,
        headers: {
          ...Object.fromEntries(Object.entries(headers as Record<string, string>).map(([name, value]) => [name, headerText(value)])),
          ...(contentType !== undefined && { 'Content-Type': contentType }),
          ...(key !== undefined && { Authorization: `Bearer ${key}` }),
        },
        body,
        key,
        outage,
      };
    });
}

function prepare(outage: boolean): void {
  const away = new AppError('temporal_unavailable', 'Away.', { retryable: true, retryAfterSeconds: 1 });
  api.jobs = {
    get: (tenant, id) => {
      if (outage) return Promise.reject(away);
      return Promise.resolve([`acme ${ownJob}`, `other ${foreignJob}`].includes(`${tenant} ${id}`) ? finished(id) : undefined);
    },
    start: ({ jobId, type: of }) => (outage ? Promise.reject(away) : Promise.resolve({ started: true, job: finished(jobId, of) })),
  };
}

/** @returns what is wrong with an answer, compared with its description. */
function faultsOf(operation: Operation, { status, headers, text }: Answer, { outage, key, path }: Sent): string[] {
  const described = operation.responses[String(status)];
  if (described === undefined) return [`${String(status)} is not described`];
  const faults = Object.keys(described.headers)
    .filter((name) => (document.components.headers[name] as { required?: boolean }).required === true && !headers.has(name))
    .map((name) => `has no ${name}`);
  if (status >= 500 && !(outage && status === 503)) faults.push('is a fault of ours', ...api.unexpected.map(String));
  // Whoever puts something by name names their own, however it is called.
  if (status < 400 && operation.method !== 'put' && path.includes(key === keys.other ? ownJob : foreignJob))
    faults.push('shows what belongs to another tenant');
  const kind = headers.get('Content-Type')?.split(';')[0];
  if (described.content === undefined) return text === '' ? faults : [...faults, 'has a body'];
  const content = described.content[kind ?? ''] ?? described.content['*/*'];
  if (content === undefined) return [...faults, `has the content type ${String(kind)}`];
  if (!kind?.endsWith('json')) return faults;
  const body = JSON.parse(text) as { code?: string };
  const fault = faultIn(content.schema, body);
  if (status >= 400 && !(String(body.code) in (content.examples ?? {}))) faults.push(`has the code ${String(body.code)}`);
  return fault === undefined ? faults : [...faults, fault];
}

describe(`whatever is sent (seed ${String(seed)})`, () => {
  test.each(operationsOf(document))('$method $path answers as it is described, and never with a fault of ours', async (operation) => {
    await fc.assert(
      fc.asyncProperty(requests(operation), async (sent) => {
        prepare(sent.outage);
        const answer = await exchange(api.port, { ...sent, method: operation.method.toUpperCase() });
        expect({ status: answer.status, faults: faultsOf(operation, answer, sent) }).toEqual({
          status: answer.status,
          faults: [],
        });
        expect(api.unexpected).toEqual([]);
      }),
      { seed, numRuns, endOnFailure: true },
    );
  });
});
