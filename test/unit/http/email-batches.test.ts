import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import type { BatchInput } from '../../../src/jobs/batch.ts';
import { fileIdFor, newJobId } from '../../../src/jobs/ids.ts';
import { variableFaults } from '../../../src/templates/schema.ts';
import { aJob, keys, testApi } from '../../support/api.ts';

const api = testApi({ maxUploadBytes: 200_000, variableFaults });
const message = { subject: 'News', text: 'Hi' };

interface Answer {
  status: number;
  body: unknown;
}

const post = (body: object, headers: Record<string, string> = {}) => api.agent().post('/v1/email-batches').set(headers).send(body);
const postLines = (lines: string, headers: Record<string, string> = {}) =>
  api
    .agent()
    .post('/v1/email-batches')
    .set({ 'Content-Type': 'application/x-ndjson', ...headers })
    .send(lines);
const ndjson = (...lines: unknown[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

const inputs = () => api.started.map(({ input }) => input as BatchInput);
const listed = async ({ recipients }: BatchInput) =>
  (await text(api.store.files.read(recipients)))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);

/** A file of the tenant, as an upload leaves it. */
async function uploaded(content: string, { name = 'list.csv', contentType = 'text/csv', tenant = 'acme' } = {}): Promise<string> {
  const staged = await api.store.files.stage(Readable.from([Buffer.from(content)]));
  const fileId = fileIdFor(newJobId('upload', tenant), 'source');
  await staged.commit({ id: fileId, name, contentType, tenant, jobId: newJobId('upload', tenant) });
  return fileId;
}

describe('POST /v1/email-batches', () => {
  test('takes recipients in JSON, each address once, and stores them by reference', async () => {
    const recipients = [{ to: 'ada@example.com' }, { to: { name: 'Bob', address: 'bob@example.com' } }, { to: 'ADA@example.com' }];
    const response = await post({ recipients, ...message });
    expect(response.status).toBe(202);
    expect(response.body).toMatchObject({ type: 'batch', status: 'queued' });
    const [input] = inputs() as [BatchInput];
    expect(input).toMatchObject({ count: 2, duplicates: 1, category: 'bulk', content: message });
    expect(await listed(input)).toEqual([{ address: 'ada@example.com' }, { address: 'bob@example.com', name: 'Bob' }]);
    expect(JSON.stringify(input)).not.toContain('example.com');
  });

  test('takes recipients as lines, wherever the network cuts them', async () => {
    const lines = ndjson(message, { to: 'ada@example.com' }, { to: { name: 'Ünï', address: 'bob@example.com' } });
    const sent = request({
      ...{ port: api.port, method: 'POST', path: '/v1/email-batches' },
      headers: { Authorization: `Bearer ${keys.acme}`, 'Content-Type': 'application/x-ndjson' },
    });
    const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
    const bytes = Buffer.from(`${lines.replace('\n', '\r\n')}\n`);
    for (const byte of bytes) {
      sent.write(Buffer.from([byte]));
      await setImmediate();
    }
    sent.end();
    const [answer] = await answered;
    expect([answer.statusCode, (await text(answer)).includes('batch_')]).toEqual([202, true]);
    const [input] = inputs() as [BatchInput];
    expect(await listed(input)).toEqual([{ address: 'ada@example.com' }, { address: 'bob@example.com', name: 'Ünï' }]);
  });

  test.each([
    ['CSV', 'email,name\nada@example.com,Ada\nbob@example.com,\n', {}],
    ['CSV with the column `to`', 'name,to\nAda,ada@example.com\n,bob@example.com\n', { name: 'a.txt', contentType: 'text/plain' }],
    [
      'NDJSON',
      ndjson({ to: { name: 'Ada', address: 'ada@example.com' } }, { to: 'bob@example.com' }),
      { name: 'a.ndjson', contentType: 'application/octet-stream' },
    ],
  ])('takes recipients from a file: %s', async (_kind, content, facts) => {
    const fileId = await uploaded(content, facts);
    expect((await post({ recipients: { fileId }, ...message })).status).toBe(202);
    const [input] = inputs() as [BatchInput];
    expect(await listed(input)).toEqual([{ address: 'ada@example.com', name: 'Ada' }, { address: 'bob@example.com' }]);
  });

  test('cuts the list where each hundredth recipient ends', async () => {
    const recipients = Array.from({ length: 250 }, (_, index) => ({ to: `r${String(index)}@example.com` }));
    await post({ recipients, ...message });
    const [input] = inputs() as [BatchInput];
    expect(input.offsets).toHaveLength(4);
    const chunk = await text(api.store.files.read(input.recipients, { start: input.offsets[1] ?? 0, end: (input.offsets[2] ?? 0) - 1 }));
    const addresses = chunk
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { address: string }).address);
    expect([addresses.length, addresses[0], addresses.at(-1)]).toEqual([100, 'r100@example.com', 'r199@example.com']);
    expect(input.offsets.at(-1)).toBe(input.recipients.size);
  });

  test('names the first twenty faulty recipients in JSON, and starts nothing', async () => {
    const recipients = Array.from({ length: 60 }, (_, index) => ({ to: index % 2 === 0 ? 'not an address' : 'ada@example.com' }));
    const { status, body } = (await post({ recipients, ...message })) as Answer;
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'invalid_request' });
    const { errors } = body as { errors: { pointer: string }[] };
    expect(errors).toHaveLength(20);
    expect(errors[1]?.pointer).toBe('/recipients/2/to');
    expect([api.started, await api.store.count()]).toEqual([[], 0]);
  });

  test('names the first twenty faulty recipients in lines, with their lines, and starts nothing', async () => {
    const lines = Array.from({ length: 30 }, (_, index) =>
      index % 2 === 0 ? { to: 'no' } : { to: `a${String(index)}@example.com`, nonsense: 1 },
    );
    const { status, body } = (await postLines(ndjson(message, ...lines))) as Answer;
    expect(status).toBe(400);
    const { errors } = body as { errors: { pointer: string; detail: string }[] };
    expect(errors).toHaveLength(20);
    expect(errors.slice(0, 2)).toEqual([
      { pointer: '/recipients/0/to', detail: expect.stringMatching(/^line 2: /) },
      { pointer: '/recipients/1/nonsense', detail: 'line 3: is not a known field' },
    ]);
    expect([api.started, await api.store.count()]).toEqual([[], 0]);
  });

  test('names the lines of faulty recipients in a file, also after a quoted line break', async () => {
    const fileId = await uploaded('email,name\nada@example.com,"A\nda"\nbob,Bob\n');
    const { status, body } = (await post({ recipients: { fileId }, ...message })) as Answer;
    expect(status).toBe(400);
    const { errors } = body as { errors: { pointer: string; detail: string }[] };
    expect(errors.map(({ pointer }) => pointer)).toEqual(['/recipients/fileId', '/recipients/fileId']);
    expect(errors.map(({ detail }) => detail)).toEqual([
      expect.stringMatching(/^line 2: \/to\/name /),
      expect.stringMatching(/^line 4: \/to/),
    ]);
    expect(api.started).toEqual([]);
  });

  test.each<[string, () => Promise<object>, string, string]>([
    ['without recipients', () => Promise.resolve({}), 'invalid_request', '/recipients'],
    ['with an empty list', () => Promise.resolve({ recipients: [] }), 'invalid_request', '/recipients'],
    [
      'with variables and no template',
      () => Promise.resolve({ recipients: [{ to: 'a@example.com', variables: { a: 1 } }] }),
      'invalid_request',
      '/recipients/0/variables',
    ],
    ['with an unknown file', () => Promise.resolve({ recipients: { fileId: 'file_x' } }), 'file_not_found', '/recipients/fileId'],
    [
      "with another tenant's file",
      async () => ({ recipients: { fileId: await uploaded('email\nada@example.com\n', { tenant: 'globex' }) } }),
      'file_not_found',
      '/recipients/fileId',
    ],
    [
      'with a file that is no list',
      async () => ({ recipients: { fileId: await uploaded('x', { contentType: 'image/png' }) } }),
      'source_unreadable',
      '/recipients/fileId',
    ],
    [
      'with a CSV file without the column',
      async () => ({ recipients: { fileId: await uploaded('a,b\n1,2\n') } }),
      'invalid_request',
      '/recipients/fileId',
    ],
    [
      'with a broken CSV file',
      async () => ({ recipients: { fileId: await uploaded('email\n"ada@example.com\n') } }),
      'source_unreadable',
      '/recipients/fileId',
    ],
    [
      'with a CSV file of columns that no template takes',
      async () => ({ recipients: { fileId: await uploaded('email,city\nada@example.com,Oslo\n') } }),
      'invalid_request',
      '/recipients/fileId',
    ],
    [
      'with an unknown time zone',
      () => Promise.resolve({ recipients: [{ to: 'a@example.com' }], window: { from: '09:00', until: '18:00', timeZone: 'Mars/Base' } }),
      'invalid_request',
      '/window/timeZone',
    ],
    [
      'with an empty window',
      () => Promise.resolve({ recipients: [{ to: 'a@example.com' }], window: { from: '09:00', until: '09:00', timeZone: 'UTC' } }),
      'invalid_request',
      '/window/until',
    ],
    [
      'with a rate of nothing',
      () => Promise.resolve({ recipients: [{ to: 'a@example.com' }], ratePerSecond: 0 }),
      'value_out_of_range',
      '/ratePerSecond',
    ],
  ])('refuses a request %s, and starts nothing', async (_what, body, code, pointer) => {
    const asked = await body();
    const before = await api.store.count();
    const { status, body: problem } = (await post({ ...message, ...asked })) as Answer;
    expect(status).toBe(code === 'file_not_found' || code === 'source_unreadable' ? (problem as { status: number }).status : 400);
    expect(problem).toMatchObject({ code, errors: [{ pointer }] });
    expect([api.started, await api.store.count()]).toEqual([[], before]);
  });

  test.each([
    ['a first line that is not JSON', '{\n{"to":"ada@example.com"}\n', 400, 'malformed_json'],
    [
      'recipients in the first line, too',
      ndjson({ ...message, recipients: [{ to: 'a@example.com' }] }, { to: 'ada@example.com' }),
      400,
      'invalid_request',
    ],
    ['no recipient', ndjson(message), 400, 'invalid_request'],
    ['a line that is not JSON', `${ndjson(message)}nonsense\n`, 400, 'invalid_request'],
    ['nothing', '', 400, 'invalid_request'],
    ['a line that never ends', `${ndjson(message)}{"to":"${'a'.repeat(100_000)}`, 413, 'payload_too_large'],
    ['more bytes than allowed', `${ndjson(message)}${ndjson({ to: 'ada@example.com' }).repeat(10_000)}`, 413, 'payload_too_large'],
  ])('refuses lines with %s, and starts nothing', async (_what, lines, status, code) => {
    const response = await postLines(lines);
    expect([response.status, (response.body as { code: string }).code]).toEqual([status, code]);
    expect([api.started, await api.store.count()]).toEqual([[], 0]);
  });

  test('counts every recipient against the e-mails of a day, all or nothing, wherever they come from', async () => {
    api.limits.values.own.emailsPerDay = 5;
    const fileId = await uploaded('email\nada@example.com\nbob@example.com\nada@example.com\n');
    expect((await post({ recipients: { fileId }, ...message })).status).toBe(202);
    expect(api.limits.sent.count).toBe(2);
    const three = ['a', 'b', 'c'].map((name) => ({ to: `${name}@example.com` }));
    expect((await postLines(ndjson(message, ...three))).status).toBe(202);
    expect(api.limits.sent.count).toBe(5);
    const before = await api.store.count();
    const refused = await post({ recipients: three, ...message });
    expect([refused.status, refused.body]).toMatchObject([
      429,
      { code: 'limit_exceeded', limit: 'emailsPerDay', errors: [{ pointer: '/recipients' }] },
    ]);
    expect([api.limits.sent.count, api.started.length, await api.store.count()]).toEqual([5, 2, before]);
  });

  test('gives the e-mails back when the job is not started', async () => {
    api.limits.values.own.emailsPerDay = 5;
    api.jobs.start = () => Promise.reject(new AppError('idempotency_key_reused', 'Used.'));
    expect((await post({ recipients: [{ to: 'a@example.com' }], ...message })).status).toBe(422);
    expect(api.limits.sent.count).toBe(0);
  });

  test('is the same job again under the same key, also when its file has gone or the limit is used up', async () => {
    const earlier = aJob({ type: 'batch' });
    const asked: string[] = [];
    api.jobs.earlier = ({ fingerprint }) => {
      asked.push(fingerprint);
      return Promise.resolve(earlier);
    };
    api.limits.values.own.emailsPerDay = 0;
    const key = { 'Idempotency-Key': 'k' };
    const gone = await post({ recipients: { fileId: 'file_gone' }, ...message }, key);
    expect([gone.status, gone.headers['idempotency-replayed']]).toEqual([202, 'true']);
    const lines = (address: string) => postLines(ndjson(message, { to: address }), key);
    expect((await lines('ada@example.com')).headers['idempotency-replayed']).toBe('true');
    await lines('ada@example.com');
    await lines('bob@example.com');
    // Other lines are another request.
    expect([asked[1] === asked[2], asked[1] === asked[3]]).toEqual([true, false]);
    expect(api.started).toEqual([]);
  });

  test('checks the variables of each recipient, over those for all, against the schema of the template', async () => {
    const schema = { type: 'object', required: ['city', 'year'], properties: { city: { type: 'string' } } };
    const source = { subject: 'News', html: '<p>{{ city }} {{ year }}</p>', schema, sample: { city: 'Oslo', year: 1 } };
    expect((await api.agent().put('/v1/email-templates/news').send(source)).status).toBeLessThan(300);
    const template = { name: 'news', variables: { year: 2026 } };
    const { status, body } = (await post({
      recipients: [
        { to: 'ada@example.com', variables: { city: 'Oslo' } },
        { to: 'bob@example.com' },
        { to: 'eve@example.com', variables: { city: 1 } },
      ],
      template,
    })) as Answer;
    expect(status).toBe(400);
    const { errors } = body as { errors: { pointer: string }[] };
    const places = errors.map(({ pointer }) => pointer.split('/').slice(0, 4).join('/'));
    expect(places).toEqual(['/recipients/1/variables', '/recipients/2/variables']);
    expect((await post({ recipients: [{ to: 'ada@example.com', variables: { city: 'Oslo' } }], template })).status).toBe(202);
    const [input] = inputs() as [BatchInput];
    expect(input.content).toMatchObject({ template: { name: 'news', version: 1, variables: { year: 2026 } } });
    expect(await listed(input)).toEqual([{ address: 'ada@example.com', variables: { city: 'Oslo' } }]);
    const unknown = await post({ recipients: [{ to: 'ada@example.com' }], template: { name: 'none' } });
    expect(unknown.body).toMatchObject({ code: 'template_not_found' });
  });
});
