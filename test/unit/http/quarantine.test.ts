import { describe, expect, test } from '@jest/globals';

import { openApiDocument } from '../../../src/http/openapi.ts';
import type { CheckResult } from '../../../src/jobs/file-checks.ts';
import type { StoredFile } from '../../../src/jobs/files.ts';
import { fileIdFor, newJobId } from '../../../src/jobs/ids.ts';
import { gzipOf, zipOf } from '../../support/archives.ts';
import { keys, tenantKeys, testApi } from '../../support/api.ts';
import { fileLinksOf } from '../../../src/jobs/file-links.ts';
import { chunks } from '../../support/file-store.ts';
import { fieldsOf, type OpenApi, operationsOf } from '../../support/openapi.ts';

const api = testApi();
const jobId = newJobId('upload', 'acme', 'k');

async function quarantined(contentType = 'text/csv', bytes = 'email\nada@example.com\n', role = 'x'): Promise<StoredFile> {
  const facts = { id: fileIdFor(jobId, role), name: 'a.csv', contentType, tenant: 'acme', jobId, quarantined: true };
  return (await api.store.files.stage(chunks(bytes))).commit(facts);
}

const passed: CheckResult[] = [{ name: 'virus', outcome: 'passed', engine: 'ClamAV 1.4.3', databaseDate: null }];
const failed: CheckResult[] = [{ name: 'virus', outcome: 'rejected', engine: 'ClamAV 1.4.3', databaseDate: null }];
const rejection = { reason: 'virus' as const, detail: 'the virus scanner found Eicar-Test' };
const pass = ({ id }: StoredFile) => api.store.files.judge('acme', id, { checks: passed, rejection: null });
const reject = ({ id }: StoredFile) => api.store.files.judge('acme', id, { checks: failed, rejection });

const query = { sql: 'select * from a' };
const report = { title: 'R', outputs: [{ format: 'csv' }] };
const definition = { title: 'R', outputs: [{ format: 'parquet' }], query: { sql: 'select * from source' } };

/** Every request that names a file by its id, and where. */
const uses: [path: string, pointer: string, type: string, body: (fileId: string) => object][] = [
  [
    '/v1/emails',
    '/attachments/0/fileId',
    'text/csv',
    (fileId) => ({ to: ['a@example.com'], subject: 'S', text: 'T', attachments: [{ fileId }] }),
  ],
  [
    '/v1/email-batches',
    '/recipients/fileId',
    'text/csv',
    (fileId) => ({ recipients: { fileId }, subject: 'S', text: 'T', category: 'transactional' }),
  ],
  [
    '/v1/email-batches',
    '/attachments/0/fileId',
    'text/csv',
    (fileId) => ({ recipients: [{ to: 'a@example.com' }], subject: 'S', text: 'T', category: 'transactional', attachments: [{ fileId }] }),
  ],
  ['/v1/reports', '/source/fileId', 'text/csv', (fileId) => ({ ...report, source: { fileId } })],
  ['/v1/reports', '/source/files/0/fileId', 'text/csv', (fileId) => ({ ...report, source: { files: [{ name: 'a', fileId }] }, query })],
  [
    '/v1/reports',
    '/page/logo/fileId',
    'image/png',
    (fileId) => ({ title: 'R', outputs: [{ format: 'pdf' }], source: { rows: [{ a: 1 }] }, page: { logo: { fileId } } }),
  ],
  ['/v1/reports/preview', '/source/fileId', 'text/csv', (fileId) => ({ source: { fileId } })],
  ['/v1/report-definitions/kept/preview', '/source/fileId', 'text/csv', (fileId) => ({ source: { fileId } })],
  ['/v1/uploads/reprocess', '/fileId', 'image/png', (fileId) => ({ fileId })],
];

describe('a file in quarantine', () => {
  test('is told of, with its state, and found in lists; nobody else hears of it', async () => {
    const { id } = await quarantined();
    expect((await api.agent().get(`/v1/files/${id}`)).body).toMatchObject({ id, state: 'quarantined', rejection: null, checks: null });
    expect((await api.agent().get('/v1/files')).body).toMatchObject({ items: [{ id, state: 'quarantined' }] });
    expect((await api.agent(keys.other).get(`/v1/files/${id}`)).status).toBe(404);
    expect((await api.agent(keys.other).get(`/v1/files/${id}/content`)).status).toBe(404);
  });

  test('gives out no byte, with a key or by a link, whole or in parts', async () => {
    const file = await quarantined();
    const link = (await fileLinksOf(tenantKeys, 'acme').shown(Date.now()))(file).content;
    const content = `/v1/files/${file.id}/content`;
    const answers = [
      await api.agent().get(content),
      await api.agent().get(content).set('Range', 'bytes=0-1'),
      await api.agent().get(content).set('If-None-Match', `"${file.sha256}"`),
      await api.anonymous().get(link),
    ];
    for (const { status, body, headers } of answers) {
      expect([status, body]).toMatchObject([409, { code: 'file_quarantined', retryable: true }]);
      expect(headers).toMatchObject({ 'retry-after': '5', 'cache-control': 'no-store' });
      expect(headers).not.toHaveProperty('etag');
    }
    expect((await api.agent().head(content)).status).toBe(409);
    await pass(file);
    expect((await api.anonymous().get(link)).status).toBe(200);
  });

  test('can be deleted', async () => {
    const { id } = await quarantined();
    expect((await api.agent().delete(`/v1/files/${id}`)).status).toBe(204);
    expect((await api.agent().get(`/v1/files/${id}`)).status).toBe(404);
  });
});

describe('a request that names a file', () => {
  test('is one of these', () => {
    const document = openApiDocument() as OpenApi;
    const paths = operationsOf(document)
      .filter(({ method, requestBody }) => method === 'post' && fieldsOf(document, requestBody ?? {}).includes('fileId'))
      .map(({ path }) => path.replace('{name}', 'kept'));
    expect(paths.sort()).toEqual([...new Set(uses.map(([path]) => path))].sort());
  });

  test.each(uses)('%s, at %s: is refused while the file is in quarantine, and after it was rejected', async (path, pointer, type, body) => {
    await api.agent().put('/v1/report-definitions/kept').send(definition);
    const file = await quarantined(type);
    const early = await api.agent().post(path).send(body(file.id));
    expect([early.status, early.body]).toMatchObject([409, { code: 'file_quarantined', retryable: true, errors: [{ pointer }] }]);
    expect(early.get('Retry-After')).toBe('5');
    await reject(file);
    const late = await api.agent().post(path).send(body(file.id));
    expect([late.status, late.body]).toMatchObject([409, { code: 'file_rejected', retryable: false, errors: [{ pointer }] }]);
    expect(late.text).toContain('Eicar-Test');
    expect(api.started).toEqual([]);
  });
});

describe('a file that was rejected', () => {
  test('has lost its bytes at once, and says why', async () => {
    const file = await quarantined();
    await reject(file);
    expect(await api.store.count()).toBe(0);
    expect((await api.agent().get(`/v1/files/${file.id}`)).body).toMatchObject({ state: 'rejected', rejection, checks: failed });
    const answer = await api.agent().get(`/v1/files/${file.id}/content`);
    expect([answer.status, answer.body]).toMatchObject([409, { code: 'file_rejected', retryable: false }]);
    expect((answer.body as { detail: string }).detail).toBe('This file was rejected: the virus scanner found Eicar-Test.');
  });

  test('takes no bytes from another file that has the same: that one has a verdict of its own', async () => {
    const [first, second, third] = [
      await quarantined('text/csv', 'same', 'first'),
      await quarantined('text/csv', 'same', 'second'),
      await quarantined('text/csv', 'same', 'third'),
    ];
    await reject(first);
    expect(await api.store.count()).toBe(1);
    await pass(second);
    expect((await api.agent().get(`/v1/files/${second.id}/content`)).text).toBe('same');
    await reject(third);
    expect((await api.agent().get(`/v1/files/${second.id}/content`)).text).toBe('same');
  });

  test('keeps its verdict, whatever comes later; so does one that has passed', async () => {
    const [bad, good] = [await quarantined('text/csv', 'bad', 'bad'), await quarantined('text/csv', 'good', 'good')];
    await reject(bad);
    await pass(good);
    expect((await pass(bad))?.state).toBe('rejected');
    expect((await reject(good))?.state).toBe('ready');
    expect((await api.agent().get(`/v1/files/${good.id}/content`)).text).toBe('good');
  });
});

describe('an upload', () => {
  const post = (bytes: Buffer, name: string, of: typeof api = api) => of.agent().post('/v1/uploads').attach('file', bytes, name);

  test('of which nothing is to be checked is ready at once', async () => {
    expect((await post(Buffer.from('hello'), 'a.txt')).status).toBe(202);
    expect(api.started[0]?.input).not.toHaveProperty('checks');
    expect([...api.store.records.values()]).toMatchObject([{ state: 'ready' }]);
  });

  test.each([
    ['a.zip', zipOf([{ name: 'a' }]), 'zip'],
    ['empty.jar', zipOf([]), 'zip'],
    [
      'a.docx',
      zipOf([
        { name: '[Content_Types].xml', content: Buffer.from('<Types/>') },
        { name: 'word/document.xml', content: Buffer.from('<w:document/>') },
      ]),
      'zip',
    ],
    ['a.csv.gz', gzipOf(Buffer.from('a,b\n')), 'gzip'],
    ['a.7z', Buffer.from('377abcaf271c0004', 'hex'), '7z'],
    ['a.rar', Buffer.from('526172211a0701003392b5e5', 'hex'), 'rar'],
    ['a.xz', Buffer.from('fd377a585a000004e6d6b446', 'hex'), 'xz'],
    ['a.zst', Buffer.from('28b52ffd2000010000', 'hex'), 'zstd'],
  ])('that is an archive waits in quarantine, whatever it is called: %s', async (name, bytes, format) => {
    expect((await post(bytes, name)).status).toBe(202);
    expect(api.started[0]?.input).toMatchObject({ checks: [{ name: 'archive', format }] });
    expect([...api.store.records.values()]).toMatchObject([{ state: 'quarantined' }]);
  });
});

describe('where there is a virus scanner', () => {
  const facts = { scanner: () => Promise.resolve({ state: 'outdated', databaseAgeDays: 9 }) };
  const scanning = testApi({ scanning: true, edges: { facts } });

  test('every upload waits for it', async () => {
    const answer = await scanning.agent().post('/v1/uploads').attach('file', Buffer.from('hello'), 'a.txt');
    expect(answer.status).toBe(202);
    expect(scanning.started[0]?.input).toMatchObject({ checks: [{ name: 'virus' }] });
    expect([...scanning.store.records.values()]).toMatchObject([{ state: 'quarantined' }]);
  });

  test('readiness tells how it is, and that makes nothing unready', async () => {
    const { status, body } = (await scanning.anonymous().get('/readyz')) as { status: number; body: unknown };
    expect([status, body]).toMatchObject([200, { status: 'ready', scanner: { state: 'outdated', databaseAgeDays: 9 } }]);
    scanning.checks = { probe: () => Promise.reject(new Error('away')) };
    expect((await scanning.anonymous().get('/readyz')).body).toMatchObject({ code: 'not_ready', scanner: { state: 'outdated' } });
  });
});
