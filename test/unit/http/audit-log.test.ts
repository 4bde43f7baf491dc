import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import type { Response } from 'supertest';

import { readCsv } from '../../../src/reports/source.ts';
import { keys, testApi } from '../../support/api.ts';
import { anEntry } from '../../support/audit.ts';
import { eventually } from '../../support/eventually.ts';
import { exchange } from '../../support/exchange.ts';

const api = testApi();
const jobId = 'email_favhp5ge2rm62zof2zj3sgeyag';

type Body = Record<string, unknown>;
type Answer = { status: number; body: Body };
interface Page {
  items: Body[];
  nextCursor: string | null;
}

/** One after the other, a millisecond apart from 2026-11-22T12:00:00Z on. */
async function fill(...changes: Parameters<typeof anEntry>[0][]): Promise<void> {
  for (const change of changes) await api.audit.record(anEntry(change));
}
const many = (count: number) => fill(...Array.from({ length: count }, (_, index) => ({ target: `t${String(index)}` })));
const page = async (query: string, key?: string) => (await api.agent(key).get(`/v1/audit-log${query}`).expect(200)).body as Page;
const targets = ({ items }: Page) => items.map(({ target }) => target);
const exported = (accept: string, query = '') => {
  const headers = { Authorization: `Bearer ${keys.acme}`, Accept: accept };
  return exchange(api.port, { method: 'GET', path: `/v1/audit-log${query}`, headers, body: undefined });
};

describe('GET /v1/audit-log', () => {
  test('shows the newest first, and what each entry has', async () => {
    await fill(
      { target: jobId },
      { action: 'job.discard', reason: 'Twice', details: { a: [1, null] }, address: '::1', requestId: 'r', outcome: 'refused' },
    );
    const response = await api.agent().get('/v1/audit-log').expect(200);
    const [second, first] = (response.body as Page).items;
    expect(first).toEqual({
      ...{ id: expect.stringMatching(/^aud_/), at: '2026-11-22T12:00:00.000Z', actor: 'key_of_a_test', action: 'job.cancel' },
      ...{ outcome: 'accepted', target: jobId, reason: null, details: null, address: null, requestId: null },
    });
    expect(second).toMatchObject({ reason: 'Twice', details: { a: [1, null] }, address: '::1', requestId: 'r', outcome: 'refused' });
    expect(response.body).toMatchObject({ nextCursor: null });
    expect(response.headers).toMatchObject({ 'cache-control': 'no-store', vary: 'Accept' });
    expect(response.get('Link')).toBeUndefined();
  });

  test('finds by action, actor, target and time, all of which must fit', async () => {
    await fill({ target: 'a' }, { target: 'b', actor: 'cli:ada' }, { target: 'c', action: 'api_key.create' }, { target: 'd' });
    for (const [query, found] of [
      ['?action=api_key.create', ['c']],
      ['?actor=cli:ada', ['b']],
      ['?target=d', ['d']],
      ['?after=2026-11-22T12:00:00.001Z', ['d', 'c', 'b']],
      ['?before=2026-11-22T13:00:00.001%2B01:00', ['a']],
      ['?after=2026-11-22T12:00:00.001Z&before=2026-11-22T12:00:00.003Z&action=job.cancel', ['b']],
      ['?target=d&actor=cli:ada', []],
    ] as const)
      expect([query, targets(await page(query))]).toEqual([query, found]);
  });

  test('goes on page by page, each entry once, and Link names the next', async () => {
    await many(5);
    const seen: unknown[] = [];
    let path: string | undefined = '/v1/audit-log?limit=2&action=job.cancel';
    while (path !== undefined) {
      const response: Response = await api.agent().get(path).expect(200);
      seen.push(...targets(response.body as Page));
      path = /^<(.*)>; rel="next"$/.exec(response.get('Link') ?? '')?.[1];
    }
    expect(seen).toEqual(['t4', 't3', 't2', 't1', 't0']);
  });

  test('shows nothing of another tenant, and takes no cursor of one, of another filter, or a changed one', async () => {
    await many(3);
    expect(await page('', keys.other)).toEqual({ items: [], nextCursor: null });
    const { nextCursor } = await page('?limit=1');
    const cursor = String(nextCursor);
    const refused = async (query: string, key?: string) => {
      const { status, body } = (await api.agent(key).get(`/v1/audit-log?limit=1&cursor=${query}`)) as Answer;
      expect([status, body['code']]).toEqual([400, 'invalid_cursor']);
    };
    await refused(cursor, keys.other);
    await refused(`${cursor}&action=job.cancel`);
    await refused(`${cursor.slice(0, -2)}AA`);
    await refused('');
    expect(targets(await page(`?cursor=${cursor}`))).toEqual(['t1', 't0']);
  });

  test.each([
    ['action=job.explode', 'action', 'invalid_filter'],
    ['actor=', 'actor', 'invalid_filter'],
    ['actor=%00', 'actor', 'invalid_filter'],
    [`target=${'x'.repeat(201)}`, 'target', 'invalid_filter'],
    ['after=yesterday', 'after', 'invalid_filter'],
    ['limit=0', 'limit', 'value_out_of_range'],
    ['limit=201', 'limit', 'value_out_of_range'],
    ['tenant=other', 'tenant', 'invalid_filter'],
    ['actor=a&actor=b', 'actor', 'invalid_filter'],
  ])('refuses ?%s', async (query, name, code) => {
    const { status, body } = (await api.agent().get(`/v1/audit-log?${query}`)) as Answer;
    expect([status, body]).toEqual([
      400,
      expect.objectContaining({ code, errors: [expect.objectContaining({ pointer: `#query:${name}` })] }),
    ]);
  });

  test('answers 503 while the database is away', async () => {
    api.audit.away = true;
    await api.agent().get('/v1/audit-log').expect(503);
    for (const accept of ['application/x-ndjson', 'text/csv']) {
      const { status, text } = await exported(accept);
      expect([status, JSON.parse(text)]).toEqual([503, expect.objectContaining({ code: 'database_unavailable' })]);
    }
  });
});

describe('an export', () => {
  test('as NDJSON has every entry on a line of its own, over many pages', async () => {
    await many(1_201);
    const { text, headers } = await exported('application/x-ndjson');
    expect(headers.get('Content-Type')).toMatch(/^application\/x-ndjson/);
    const lines = text.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as Body)['target'])).toEqual(
      Array.from({ length: 1_201 }, (_, i) => `t${String(1_200 - i)}`),
    );
    expect(JSON.parse(lines[0] ?? '')).toEqual((await page('?limit=1')).items[0]);
  });

  test('as CSV has the columns and all that fits the filter, with a guard against formulas', async () => {
    await fill({ target: 'x' }, { action: 'job.discard', reason: '=HYPERLINK("http://evil")', details: { a: '"' }, address: '::1' });
    const { text, headers } = await exported('text/csv', '?action=job.discard');
    expect(headers.get('Content-Type')).toMatch(/^text\/csv/);
    const { columns, rows } = await readCsv(Readable.from([Buffer.from(text)]));
    const all = [];
    for await (const row of rows) all.push(Object.fromEntries(columns.map((column, index) => [column, row[index]])));
    expect(all).toMatchObject([
      { action: 'job.discard', reason: `'=HYPERLINK("http://evil")`, details: '{"a":"\\""}', target: null, address: '::1' },
    ]);
  });

  test('of nothing is empty, but for the columns', async () => {
    expect((await exported('application/x-ndjson')).text).toBe('');
    expect((await exported('text/csv')).text).toBe('at,id,actor,action,outcome,target,reason,address,requestId,details\r\n');
  });

  test.each(['limit=5', 'cursor=x'])('refuses ?%s, which is for pages', async (query) => {
    const { status, text } = await exported('text/csv', `?${query}`);
    expect([status, JSON.parse(text)]).toEqual([400, expect.objectContaining({ code: 'invalid_filter' })]);
  });

  test('of many reads no further than the client does, and stops when the client leaves', async () => {
    let reads = 0;
    const entry = { ...anEntry({ reason: 'x'.repeat(500) }), id: 'aud_x', at: new Date(0) };
    // Without an end.
    api.audit.list = (_tenant, _filter, { limit }) => {
      reads++;
      return Promise.resolve({ items: Array.from({ length: limit }, () => entry), next: 'more' });
    };
    const headers = { Authorization: `Bearer ${keys.acme}`, Accept: 'application/x-ndjson' };
    const asked = get({ host: '127.0.0.1', port: api.port, path: '/v1/audit-log', headers, agent: false });
    asked.on('error', () => undefined);
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    answer.on('error', () => undefined);
    answer.pause();
    let before = -1;
    // Buffers of sockets take some megabytes; then it stands still.
    await eventually(() => {
      const [last, now] = [before, reads];
      before = now;
      expect(now).toBe(last);
    });
    expect(reads).toBeLessThan(200);
    asked.destroy();
    await eventually(() => {
      expect(api.answers).toMatchObject([{ path: '/v1/audit-log' }]);
    });
    expect(api.unexpected).toEqual([]);
  });

  test('ends with the key that asked for it: what breaks off is not complete', async () => {
    const id = api.keys.add('hk_brief');
    const entry = { ...anEntry(), id: 'aud_x', at: new Date(0) };
    api.audit.list = async () => {
      await api.keys.revoke('acme', id);
      return { items: [entry], next: 'more' };
    };
    const headers = { Authorization: 'Bearer hk_brief', Accept: 'application/x-ndjson' };
    const asked = get({ host: '127.0.0.1', port: api.port, path: '/v1/audit-log', headers, agent: false });
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(401);
    answer.resume();
    await once(answer, 'close');
  });
});
