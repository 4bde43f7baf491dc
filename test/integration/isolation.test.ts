import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { openApiDocument } from '../../src/http/openapi.ts';
import { keyScopes } from '../../src/jobs/api-keys.ts';
import { anEntry } from '../support/audit.ts';
import { type BackendCalls, watchBackends } from '../support/backend-calls.ts';
import { clientOf, malformedLike, type TenantAnswer, type TenantClient, unknownLike } from '../support/belongings.ts';
import { type OpenApi, operationsOf } from '../support/openapi.ts';
import { startTenants, strangers, type Tenants } from '../support/tenants.ts';

/** What a request needs to come as far as the thing that its path names. Where nothing stands here, nothing is needed. */
const bodies: Record<string, unknown> = {
  'patch /v1/jobs/{id}': { options: { priority: 1 } },
  'post /v1/jobs/{id}/notes': { text: 'Hello' },
  'put /v1/api-keys/{id}/limits': { requestsPerMinute: 60 },
};

const operations = operationsOf(openApiDocument() as OpenApi)
  // Whoever puts a template, a preset, a definition or a data source puts one of their own; without a key there is no tenant to be told from another.
  .filter(({ method, path }) => path.includes('{') && !(method === 'put' && path.endsWith('/{name}')))
  .filter(({ security }) => security.length > 0)
  .map((operation) => ({ ...operation, path: operation.path.replace('{version}', '1') }))
  .flatMap(({ method, path }) => (method === 'get' ? ['get', 'head'] : [method]).map((each) => ({ method: each, path })))
  .map(({ method, path }) => ({ method, path, name: `${method} ${path}` }));

let tenants: Tenants;
let weaker: TenantClient[];
let backends: BackendCalls;
let before: string[];

beforeAll(async () => {
  tenants = await startTenants('test-isolation');
  const { system, api, foreign } = tenants;
  const { tenant } = foreign['the same tag'];
  const issued = keyScopes.map((scope) => system.stores.keys.create({ tenant, scopes: [scope] }, anEntry()));
  weaker = (await Promise.all(issued)).map(({ key }) => clientOf(api.port, key));
  backends = watchBackends(api.link.client());
  before = await ownView();
});
afterAll(async () => {
  backends.close();
  await tenants.close();
});

/** The things that a path can name; none for a path that nobody has thought of. */
function namedBy(path: string): string[] {
  const [front = '', ...after] = path.split(/\{\w+\}/);
  return after.length === 1 ? Object.values(tenants.belongings[front] ?? {}) : [];
}

/** With what would give away that there is something: above all, `If-None-Match: *` must not lead to 304. */
const curious = { 'If-None-Match': '*', Range: 'bytes=0-0', Prefer: 'wait=30' };
const reads = ['get', 'head'];

const isPiecewise = (path: string) => path.startsWith('/v1/uploads/tus/');
const tusHeaders = { 'Tus-Resumable': '1.0.0', 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' };

async function tryOut(
  client: TenantClient,
  { method, path, name }: (typeof operations)[number],
  id: string,
  headers: Record<string, string> = reads.includes(method) ? curious : {},
): Promise<TenantAnswer> {
  const body = reads.includes(method) || method === 'delete' ? undefined : (bodies[name] ?? {});
  const more = isPiecewise(path) ? tusHeaders : {};
  return client.ask(method.toUpperCase(), path.replace(/\{\w+\}/, id), body, { ...headers, ...more });
}

/** Of one request or connection, or the text of the path in another length. */
const individual = new Set(['date', 'x-request-id', 'content-length', 'connection', 'keep-alive', 'ratelimit', 'ratelimit-policy']);

function told({ status, headers, body }: TenantAnswer) {
  const shown = Object.entries(body).filter(([name]) => name !== 'instance' && name !== 'requestId');
  return { status, headers: [...headers].filter(([name]) => !individual.has(name)).sort(), body: Object.fromEntries(shown) };
}

const isLook = (call: string) => call === 'DescribeWorkflowExecution' || /^(begin|commit|rollback|select|update|delete)\b/.test(call);

/** Of the caller's own tenant, and before anything is looked at. */
const isEntry = (call: string) => call.startsWith('insert into "audit_log"');

/** All that the owner can see of the things by their own paths, but for what changes with the hour and with the use of a key. */
async function ownView(): Promise<string[]> {
  const paths = operations.filter(({ method, path }) => method === 'get' && path.endsWith('}'));
  const seen = paths.flatMap(({ path }) => namedBy(path).map((id) => path.replace(/\{\w+\}/, id)));
  const answers = await Promise.all([...seen, '/v1/api-keys', '/v1/suppressions'].map((path) => tenants.own.ask('GET', path)));
  return answers.map(({ status, text }) => `${String(status)} ${text.replaceAll(/(?:\?expires=|"lastUsedAt":")[^"]*/g, '')}`);
}

test('every path with a parameter has something of another tenant to be tried with', () => {
  expect(operations.filter(({ path }) => namedBy(path).length === 0)).toEqual([]);
  expect(Object.keys(bodies).filter((name) => !operations.some((operation) => operation.name === name))).toEqual([]);
});

describe.each(strangers)('with a key of a tenant whose ids have %s,', (which) => {
  test.each(operations)('$method $path answers for what is foreign as for what is unknown, and asks as much', async (operation) => {
    for (const [index, id] of namedBy(operation.path).entries()) {
      const ask = async (asked: string) => {
        let answer: ReturnType<typeof told> | undefined;
        const calls = await backends.during(async () => {
          answer = told(await tryOut(tenants.foreign[which], operation, asked));
        });
        return { answer, calls };
      };
      const unknown = await ask(unknownLike(id));
      const problem = { code: 'not_found', title: 'Not found', status: 404 };
      expect(unknown.answer).toMatchObject({ status: 404, body: operation.method === 'head' ? {} : problem });
      expect(await ask(id)).toEqual(unknown);
      // Nothing but one look, and none at all where the tag in an id tells that it is foreign; uploads in pieces are on the disk.
      const calls = unknown.calls.filter((call) => !isEntry(call));
      expect(calls.filter((call) => !isLook(call))).toEqual([]);
      const looks = which === 'the same tag' || !/jobs|bulk|batches|suppressions/.test(operation.path);
      // What is known of a presigned upload lies in the storage.
      expect(calls.length > 0).toBe(looks && !isPiecewise(operation.path) && !operation.path.includes('presigned'));
      if (index > 0) continue;
      for (const malformed of malformedLike(id)) expect([malformed, (await ask(malformed)).answer]).toEqual([malformed, unknown.answer]);
    }
  });
});

test.each(operations)('$method $path answers a weaker key for what is foreign as for what is unknown', async (operation) => {
  const [id = ''] = namedBy(operation.path);
  for (const client of weaker) {
    const foreignAnswer = told(await tryOut(client, operation, id));
    expect(foreignAnswer).toEqual(told(await tryOut(client, operation, unknownLike(id))));
    expect([403, 404]).toContain(foreignAnswer.status);
  }
});

test('a template or definition that is put under the name of a foreign one is another one', async () => {
  const path = `/v1/email-templates/${tenants.belongings['/v1/email-templates/']?.['put'] ?? ''}`;
  const body = { subject: 'Foreign', text: 'Foreign', schema: true, sample: {} };
  for (const which of strangers) {
    const put = await tenants.foreign[which].ask('PUT', path, body, { 'If-None-Match': '*' });
    expect(put).toMatchObject({ status: 201, body: { version: 1, subject: 'Foreign' } });
    expect(await tenants.foreign[which].ask('DELETE', path)).toMatchObject({ status: 204 });
    const definition = `/v1/report-definitions/${tenants.belongings['/v1/report-definitions/']?.['put'] ?? ''}`;
    const sales = { title: 'Foreign', source: { rows: [{ a: 1 }] }, outputs: [{ format: 'csv' }] };
    const made = await tenants.foreign[which].ask('PUT', definition, sales, { 'If-None-Match': '*' });
    expect(made).toMatchObject({ status: 201, body: { version: 1, title: 'Foreign' } });
    expect(await tenants.foreign[which].ask('DELETE', definition)).toMatchObject({ status: 204 });
  }
});

test('a data source that is put under the name of a foreign one is another one, without its secrets', async () => {
  const path = `/v1/data-sources/${tenants.belongings['/v1/data-sources/']?.['put'] ?? ''}`;
  const body = { kind: 'postgresql', host: '127.0.0.1', port: 1, database: 'crm', user: 'reports' };
  for (const which of strangers) {
    const put = await tenants.foreign[which].ask('PUT', path, body, { 'If-None-Match': '*' });
    expect(put).toMatchObject({ status: 201, body: { version: 1, secretNames: [] } });
    expect(await tenants.foreign[which].ask('DELETE', path)).toMatchObject({ status: 204 });
  }
});

test('nothing of the owner was touched by all that, and the owner can do each of these things', async () => {
  expect(await ownView()).toEqual(before);
  const last = (method: string) => ['get', 'patch', 'post', 'delete'].indexOf(method);
  for (const operation of [...operations].sort((a, b) => last(a.method) - last(b.method))) {
    const [id = ''] = namedBy(operation.path);
    const { status } = await tryOut(tenants.own, operation, id, {});
    expect([operation.name, status, [400, 401, 403, 404, 405].includes(status)]).toEqual([operation.name, status, false]);
  }
});
