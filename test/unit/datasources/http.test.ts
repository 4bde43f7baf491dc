import { gzipSync } from 'node:zlib';

import { afterEach, describe, expect, test } from '@jest/globals';

import { createConnector } from '../../../src/datasources/connector.ts';
import { addressOf } from '../../../src/datasources/http.ts';
import { arrayAt } from '../../../src/datasources/json-slice.ts';
import type { DataSource } from '../../../src/jobs/data-sources.ts';
import type { RemoteTable } from '../../../src/jobs/report-sources.ts';
import { sqlPieces } from '../../../src/jobs/sql-parameters.ts';
import { createGuardedStream } from '../../../src/outbound/guarded-fetch.ts';
import { createVettedAddress } from '../../../src/outbound/vetted-address.ts';
import { type Canary, startCanary } from '../../support/canary.ts';
import { testEngine } from '../reports/extracts.ts';

type Answer = Parameters<typeof startCanary>[1];
type Fetched = Partial<Extract<RemoteTable, { path: string }>>;

const engine = testEngine();
const opened: Canary[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function serve(answer: Answer): Promise<Canary> {
  const server = await startCanary('127.0.0.1', answer);
  opened.push(server);
  return server;
}

const connectorWith = (allow: string[], { maxBytes = 1_000_000, seconds = 20 } = {}) =>
  createConnector({
    ...{ vetted: createVettedAddress({ allow }), fetch: createGuardedStream({ allow }), fetchNamed: createGuardedStream() },
    ...{ seconds, maxBytes, memoryMb: 64, pieces: sqlPieces },
  });

const sourceAt = (url: string, headers: Record<string, string> = {}): DataSource => ({
  ...{ name: 'api', description: null, version: 1, changedAt: null, secretNames: [], secrets: { headers } },
  settings: { kind: 'http', url },
});

/** From the answer of a server to rows. */
async function rowsOf(source: DataSource, table: Fetched = {}, connector = connectorWith(['127.0.0.1']), diskMb = 64) {
  const asked = { name: 'source', dataSource: 'api', path: '/rows', parameters: {}, ...table };
  const { bytes } = await engine.extract([{ name: 'source', remote: (signal) => connector.read(source, asked, signal) }], {
    limits: { diskMb },
  });
  return (await engine.read(bytes)).rows;
}

const at = ({ port }: Canary) => `http://127.0.0.1:${String(port)}`;
const sending =
  (body: string | Uint8Array, type: string, more: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(200, { 'Content-Type': type, ...more }).end(body);
  };

describe('what a server answers', () => {
  const rows = [[1, 'Oslo'], [2, 'Bergen']]; // prettier-ignore
  const csv = 'id,city\n1,Oslo\n2,Bergen\n';
  const ndjson = '{"id":1,"city":"Oslo"}\n{"id":2,"city":"Bergen"}\n';
  const json = `[${ndjson.trim().replace('\n', ',')}]`;

  test.each<[string, Answer, Fetched]>([
    ['CSV', sending(csv, 'text/csv; charset=utf-8'), {}],
    ['NDJSON', sending(ndjson, 'application/x-ndjson'), {}],
    ['JSON', sending(json, 'application/json'), {}],
    ['JSON that is called something else', sending(json, 'text/plain'), { format: 'json' }],
    [
      'JSON within more of it',
      sending(`{"a":[1,"]"],"da/ta":{"items":${json}},"z":{}}`, 'application/hal+json'),
      { pointer: '/da~1ta/items' },
    ],
    ['what is packed', sending(gzipSync(csv), 'text/csv', { 'Content-Encoding': 'gzip' }), {}],
    ['CSV by its name', sending(csv.replaceAll(',', ';'), 'application/octet-stream'), { path: '/rows.csv' }],
  ])('is read as %s', async (_name, answer, table) => {
    expect(await rowsOf(sourceAt(at(await serve(answer))), table)).toEqual(rows);
  });

  test('is asked for with the headers and parameters, encoded', async () => {
    const server = await serve(sending(csv, 'text/csv'));
    await rowsOf(sourceAt(`${at(server)}/v2/`, { Authorization: 'Bearer x' }), {
      path: '/rows?a=1',
      parameters: { since: '2026&b=2', none: null },
    });
    expect(server.requests.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ['/v2/rows?a=1&since=2026%26b%3D2', 'Bearer x'],
    ]);
  });

  test.each([
    [401, 'data_source_configuration', true],
    [403, 'data_source_configuration', true],
    [404, 'source_unreadable', false],
    [429, 'data_source_unreachable', true],
    [500, 'data_source_unreachable', true],
    [503, 'data_source_unreachable', true],
    [204, 'source_unreadable', false],
  ])('with status %s is %s', async (status, code, retryable) => {
    const server = await serve((_request, response) => response.writeHead(status).end());
    await expect(rowsOf(sourceAt(at(server)))).rejects.toMatchObject({ code, retryable });
  });

  test('that is too large is refused, packed or not', async () => {
    const large = await serve(sending(`a\n${'1\n'.repeat(600_000)}`, 'text/csv'));
    await expect(rowsOf(sourceAt(at(large)))).rejects.toMatchObject({ code: 'source_too_large', retryable: false });
    const bomb = await serve(sending(gzipSync(`a\n${'1\n'.repeat(5_000_000)}`), 'text/csv'));
    await expect(rowsOf(sourceAt(at(bomb)), {}, undefined, 2)).rejects.toMatchObject({ code: 'source_too_large', retryable: false });
  });

  test('that breaks off or never ends is tried again', async () => {
    const broken = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/csv', 'Content-Length': '100' }).write('a\n1\n');
      response.socket?.destroySoon();
    });
    await expect(rowsOf(sourceAt(at(broken)))).rejects.toMatchObject({ code: 'data_source_unreachable', retryable: true });
    const slow = await serve((_request, response) => response.writeHead(200, { 'Content-Type': 'text/csv' }).write('a\n1\n'));
    await expect(rowsOf(sourceAt(at(slow)), {}, connectorWith(['127.0.0.1'], { seconds: 1 }))).rejects.toMatchObject({
      code: 'data_source_unreachable',
    });
  });
});

describe('an address that a tenant has chosen', () => {
  test.each([
    'http://127.0.0.1:PORT',
    'http://localhost:PORT',
    'http://[::ffff:127.0.0.1]:PORT',
    'http://0x7f.1:PORT',
    'http://169.254.169.254',
    'http://10.0.0.1',
  ])('does not lead to this machine or its network: %s', async (url) => {
    const server = await serve(sending('a\n1\n', 'text/csv'));
    const refused = rowsOf(sourceAt(url.replace('PORT', String(server.port))), {}, connectorWith([]));
    await expect(refused).rejects.toMatchObject({ code: 'data_source_configuration', message: expect.stringContaining('not allowed') });
    expect(server.connections).toBe(0);
  });

  test('does not lead there by a redirect, and takes no secret with it', async () => {
    const inner = await serve(sending('a\n1\n', 'text/csv'));
    const outer = await serve((_request, response) =>
      response.writeHead(302, { Location: `http://localhost:${String(inner.port)}/` }).end(),
    );
    const source = sourceAt(at(outer), { Authorization: 'Bearer x' });
    await expect(rowsOf(source, {}, connectorWith(['127.0.0.1/32', '192.0.2.1']))).resolves.toBeDefined();
    expect(inner.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    const far = await serve((_request, response) => response.writeHead(302, { Location: 'http://169.254.169.254/latest/' }).end());
    await expect(rowsOf(sourceAt(at(far)))).rejects.toMatchObject({ code: 'data_source_configuration' });
  });

  test.each(['/../secret', '/%2e%2e/secret', '/a/../../secret', '/..\\secret'])('is not left by the path %s', (path) => {
    expect(() => addressOf('https://api.example.com/v2', { path, parameters: {} })).toThrow('leads out');
  });
});

describe('an array within JSON', () => {
  test('comes as it is written there', () => {
    expect(arrayAt('{"a": {"b": [ 12345678901234567890.10, "]\\"" ] } }', '/a/b')).toBe('[ 12345678901234567890.10, "]\\"" ]');
    expect(arrayAt('[[1],[2,[3]]]', '/1')).toBe('[2,[3]]');
    expect(arrayAt(`{"deep":${'['.repeat(100_000)}${']'.repeat(100_000)},"x":[1]}`, '/x')).toBe('[1]');
  });

  test.each([
    ['{"a":1}', '/a', 'no array'],
    ['{"a":[]}', '/b', 'no array'],
    ['{}', '/b', 'no array'],
    ['[1]', '/5', 'no array'],
    ['5', '/a', 'no array'],
    ['{"a":[1', '/a', 'not valid'],
    ['{"a"', '/a', 'not valid'],
    ['', '/a', 'no array'],
  ])('is not there: %s %s', (json, pointer, message) => {
    expect(() => arrayAt(json, pointer)).toThrow(message);
  });
});
