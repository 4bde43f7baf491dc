import { describe, expect, test } from '@jest/globals';

import { openApiDocument } from '../../../src/http/openapi.ts';
import { fileIdFor, newJobId } from '../../../src/jobs/ids.ts';
import { aJob, testApi } from '../../support/api.ts';
import { exchange } from '../../support/exchange.ts';
import { chunks } from '../../support/file-store.ts';
import { oddPathsOf } from '../../support/odd-paths.ts';
import { type OpenApi, operationsOf } from '../../support/openapi.ts';

const api = testApi();
const jobId = newJobId('email', 'acme', 'k');
const fileId = fileIdFor(jobId, 'x');
const methods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY'];

/** With an id that there is, where there may be one. */
const operations = operationsOf(openApiDocument() as OpenApi)
  .filter(({ path, security }) => path.startsWith('/v1/') && security.length > 0)
  .map(({ method, path }) => ({ method: method.toUpperCase(), path: path.replace(/\{\w+\}/, path.includes('files') ? fileId : jobId) }));
const paths = [...new Set(operations.map(({ path }) => path))];

async function ask(method: string, path: string, headers: Record<string, string> = {}) {
  const { status, headers: answered, text } = await exchange(api.port, { method, path, headers, body: undefined });
  const { code } = JSON.parse(text || '{}') as { code?: string };
  return { status, code, challenge: answered.get('WWW-Authenticate'), allow: answered.get('Allow') };
}

/** There is such a job and such a file: only the key is missing. */
async function withThings(): Promise<void> {
  api.jobs = { get: () => Promise.resolve(aJob({ id: jobId })) };
  const staged = await api.store.files.stage(chunks('content'));
  await staged.commit({ id: fileId, name: 'a.txt', contentType: 'text/plain', tenant: 'acme', jobId });
}

const refused = { status: 401, code: 'unauthorized', challenge: 'Bearer realm="handoff"', allow: null };

describe('without a key', () => {
  test.each(paths)('every method at %s is 401, also one that is not there', async (path) => {
    await withThings();
    for (const method of methods) {
      // What the protocol can do here is told to anybody.
      if (method === 'OPTIONS' && path.startsWith('/v1/uploads/tus')) continue;
      const code = method === 'HEAD' ? undefined : 'unauthorized';
      expect([method, await ask(method, path)]).toEqual([method, { ...refused, code }]);
    }
    expect([api.lookups, api.started]).toEqual([[], []]);
  });

  test('a path below /v1 that is not there is 401, too, so that nobody can find out which are', async () => {
    for (const path of ['/v1', '/v1/', '/v1/unknown', '/v1/jobs/x/unknown', '/v1/audit/../jobs'])
      expect([path, await ask('GET', path)]).toEqual([path, refused]);
  });

  test.each(operations)('no other way to write $method $path gets past the key', async ({ method, path }) => {
    await withThings();
    for (const odd of oddPathsOf(path)) {
      const { status } = await ask(method, odd);
      // 400: not decodable; 404: not below /v1, and nothing else either.
      expect([odd, [400, 401, 404].includes(status)]).toEqual([odd, true]);
    }
    expect([api.lookups, api.started]).toEqual([[], []]);
    expect(api.store.records.has(fileId)).toBe(true);
  });

  test('whatever a request says of itself, it is 401', async () => {
    await withThings();
    const claims: Record<string, string>[] = [
      { Authorization: 'Basic YWNtZTphY21l' },
      { Authorization: 'Bearer' },
      { Authorization: 'Bearer ' },
      { Authorization: 'hk_acme_0123456789' },
      { Authorization: 'Bearer hk_acme_0123456789, Bearer x' },
      { 'X-API-Key': 'hk_acme_0123456789' },
      { Cookie: 'Authorization=Bearer hk_acme_0123456789; key=hk_acme_0123456789' },
      { 'Proxy-Authorization': 'Bearer hk_acme_0123456789' },
      { 'X-Forwarded-For': '127.0.0.1', 'X-Real-IP': '127.0.0.1', 'X-Forwarded-User': 'acme', 'X-Tenant': 'acme' },
      { 'X-Original-URL': '/livez', 'X-Rewrite-URL': '/livez', 'X-Forwarded-Prefix': '/livez' },
      { 'X-HTTP-Method-Override': 'OPTIONS', 'X-Method-Override': 'OPTIONS' },
      { Host: 'localhost', Origin: 'null', 'Access-Control-Request-Method': 'GET' },
    ];
    for (const headers of claims)
      for (const { method, path } of operations) expect([headers, (await ask(method, path, headers)).status]).toEqual([headers, 401]);
    expect(api.lookups).toEqual([]);
  });

  test('only the content of a file by a link of ours is open, and a link that we did not make is like one to an unknown file', async () => {
    await withThings();
    const link = `/v1/files/${fileId}/content?expires=9999999999&signature=${'A'.repeat(43)}`;
    const unknown = link.replace(fileId, fileIdFor(jobId, 'unknown'));
    expect(await ask('GET', link)).toMatchObject({ status: 404, code: 'not_found' });
    expect(await ask('GET', link)).toEqual(await ask('GET', unknown));
    expect(await ask('HEAD', link)).toEqual(await ask('HEAD', unknown));
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) expect([method, await ask(method, link)]).toEqual([method, refused]);
  });
});
