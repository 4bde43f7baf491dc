import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { openApiDocument } from '../../src/http/openapi.ts';
import { type BackendCalls, watchBackends } from '../support/backend-calls.ts';
import { batchTo, clientOf, content, emailTo, formOf, reportOf, type TenantAnswer, unknownLike } from '../support/belongings.ts';
import { follow } from '../support/event-client.ts';
import { eventually } from '../support/eventually.ts';
import { oddPathsOf } from '../support/odd-paths.ts';
import { fieldsOf, type OpenApi, type Operation, operationsOf } from '../support/openapi.ts';
import { startTenants, strangers, type Tenants } from '../support/tenants.ts';

const document = openApiDocument() as OpenApi;
const operations = operationsOf(document).filter(({ path }) => path.startsWith('/v1/'));
const nameOf = ({ method, path }: Operation) => `${method} ${path}`;

let tenants: Tenants;
let backends: BackendCalls;

beforeAll(async () => {
  tenants = await startTenants('test-isolation-lists');
  await tenants.system.startWorker({ only: ['operations'], workflows: false });
  backends = watchBackends(tenants.api.link.client());
  await untilListed();
});
afterAll(async () => {
  backends.close();
  await tenants.close();
});

/** Lists lag. */
const untilListed = () =>
  eventually(async () => {
    const { body } = await tenants.own.ask('GET', '/v1/jobs?limit=200');
    expect(body['items']).toHaveLength(Object.keys(tenants.belongings['/v1/jobs/'] ?? {}).length);
  });

const ownId = (collection: string, name: string) => tenants.belongings[collection]?.[name] ?? '';
const told = ({ status, body }: TenantAnswer) => ({ status, body: { ...body, instance: '', requestId: '' } });

/** Without a job: rows of its own, or a later start. */
const rows = { title: 'Own', source: { rows: [{ a: 1 }] }, outputs: [{ format: 'csv' }] };
const later = { delaySeconds: 3_600 };
const emailWith = (fileId: string) => ({ ...emailTo('ada@example.com'), attachments: [{ fileId }] });

describe.each(strangers)('a tenant whose ids have %s', (which) => {
  const stranger = () => tenants.foreign[which];

  /** What is answered, and what had to be asked for that. */
  async function exchanged(ask: () => Promise<TenantAnswer>) {
    let answer = {};
    const calls = await backends.during(async () => {
      answer = told(await ask());
    });
    return { ...answer, calls };
  }

  const lists = operations.filter(({ method, path }) => method === 'get' && !path.includes('{'));
  test.each(lists)('finds nothing foreign at $path', async ({ path }) => {
    const ids = Object.values(tenants.belongings).flatMap((things) => Object.values(things));
    const [own, foreign] = [await tenants.own.ask('GET', path), await stranger().ask('GET', path)];
    expect([own.status, foreign.status]).toEqual([200, 200]);
    // Providers are those of the installation, the same for everybody.
    expect(own.text === foreign.text).toBe(path === '/v1/mail-providers');
    expect([...ids, 'shop of acme', 'example.com'].filter((mark) => foreign.text.includes(mark))).toEqual([]);
  });

  test('lists and counts none, whatever it filters by, and cannot ask for another tenant', async () => {
    for (const query of ['', '?label=order:42', '?type=batch,email,report,upload', '?createdAfter=1970-01-01T00:00:00Z']) {
      expect((await stranger().ask('GET', `/v1/jobs${query}`)).body).toEqual({ items: [], nextCursor: null });
      const { counts } = (await stranger().ask('GET', `/v1/jobs/counts${query}`)).body as { counts: Record<string, number> };
      expect(Object.values(counts).filter((count) => count > 0)).toEqual([]);
    }
    expect((await tenants.own.ask('GET', '/v1/jobs?label=order:42')).body['items']).toHaveLength(2);
    const { tenant } = tenants.own;
    const claims = { 'X-Tenant': tenant, 'X-Tenant-Id': tenant, 'X-Forwarded-User': tenant, Cookie: `tenant=${tenant}` };
    expect((await stranger().ask('GET', '/v1/jobs', undefined, claims)).body).toEqual({ items: [], nextCursor: null });
    expect((await stranger().ask('GET', `/v1/jobs?tenant=${tenant}`)).body).toMatchObject({ code: 'invalid_filter' });
  });

  test('gets for a foreign cursor what it gets for an invented one', async () => {
    const cursor = String((await tenants.own.ask('GET', '/v1/jobs?limit=1')).body['nextCursor']);
    const ask = (asked: string) => exchanged(() => stranger().ask('GET', `/v1/jobs?limit=1&cursor=${asked}`));
    // The first one makes the secret of the tenant.
    await ask('x');
    const invented = await ask(Buffer.alloc(Buffer.from(cursor, 'base64url').length, 'x').toString('base64url'));
    expect(invented).toMatchObject({ status: 400, body: { code: 'invalid_cursor' }, calls: [] });
    expect(await ask(cursor)).toEqual(invented);
  });

  test('gets for a foreign file in a request what it gets for an unknown one, and no job', async () => {
    const requests: Record<string, (fileId: string) => Promise<TenantAnswer>> = {
      'post /v1/emails fileId': (fileId) => stranger().ask('POST', '/v1/emails', emailWith(fileId)),
      'post /v1/email-batches fileId': (fileId) =>
        stranger().ask('POST', '/v1/email-batches', { ...batchTo('ada@example.com'), recipients: { fileId } }),
      'post /v1/reports fileId': (fileId) => stranger().ask('POST', '/v1/reports', reportOf(fileId)),
      'post /v1/reports/preview fileId': (fileId) => stranger().ask('POST', '/v1/reports/preview', { source: { fileId } }),
      'post /v1/report-definitions/{name}/preview fileId': (fileId) =>
        stranger().ask('POST', '/v1/report-definitions/any-file/preview', { source: { fileId } }),
      'post /v1/uploads/reprocess fileId': (fileId) => stranger().ask('POST', '/v1/uploads/reprocess', { fileId }),
    };
    const definition = { title: 'Any', outputs: [{ format: 'csv' }] };
    expect((await stranger().ask('PUT', '/v1/report-definitions/any-file', definition)).status).toBe(201);
    // A definition keeps what it is given; the file is looked for when it is called.
    const unread = ['put /v1/report-definitions/{name} fileId'];
    // It names a part of the request itself.
    const inward = ['post /v1/emails contentId', 'post /v1/email-batches contentId'];
    const references = operations.flatMap((operation) =>
      fieldsOf(document, operation.requestBody).flatMap((field) => (/(^i|I)ds?$/.test(field) ? [`${nameOf(operation)} ${field}`] : [])),
    );
    // Whoever adds a field that names something says above how to try it.
    expect([...new Set(references)].filter((name) => ![...inward, ...unread].includes(name)).sort()).toEqual(Object.keys(requests).sort());
    const { body: scheduled } = await stranger().ask('POST', '/v1/reports', { ...rows, options: later });
    const own = `/v1/jobs/${String(scheduled['id'])}`;
    // The first look finds the key with which the tenant's jobs are encrypted.
    await stranger().ask('GET', own);
    const { body: scheduledEmail } = await stranger().ask('POST', '/v1/emails', emailTo('ada@example.com', later));
    const ownEmail = `/v1/jobs/${String(scheduledEmail['id'])}`;
    await stranger().ask('GET', ownEmail);
    const { options, ...request } = emailWith('');
    expect(options).toEqual({});
    requests['an attachment of a batch'] = (fileId) =>
      stranger().ask('POST', '/v1/email-batches', { ...batchTo('ada@example.com'), attachments: [{ fileId }] });
    requests['patch an e-mail'] = (fileId) => stranger().ask('PATCH', ownEmail, { request: { ...request, attachments: [{ fileId }] } });
    const inFiles = (fileId: string) => ({
      ...rows,
      source: { files: [{ name: 'orders', fileId }] },
      query: { sql: 'select * from orders' },
    });
    requests['post, one of several'] = (fileId) => stranger().ask('POST', '/v1/reports', inFiles(fileId));
    requests['patch, one of several'] = (fileId) => stranger().ask('PATCH', own, { request: inFiles(fileId) });
    requests['patch'] = (fileId) => stranger().ask('PATCH', own, { request: { ...rows, source: { fileId } } });
    requests['a call of a definition'] = async (fileId) => {
      await stranger().ask('PUT', '/v1/report-definitions/one-file', { ...definition, source: { fileId } });
      return stranger().ask('POST', '/v1/reports', { definition: 'one-file' });
    };
    // From then on each is another version.
    await requests['a call of a definition']('');
    for (const [name, request] of Object.entries(requests))
      for (const id of Object.values(tenants.belongings['/v1/files/'] ?? {})) {
        const unknown = await exchanged(() => request(unknownLike(id)));
        expect([name, unknown]).toMatchObject([name, { status: 400, body: { code: 'file_not_found' } }]);
        expect([name, await exchanged(() => request(id))]).toEqual([name, unknown]);
      }
    for (const job of [own, ownEmail]) await stranger().ask('POST', `${job}/cancel`);
    await eventually(async () => {
      const { items } = (await stranger().ask('GET', '/v1/jobs')).body as { items: { id: string; status: string }[] };
      expect(items).toHaveLength(2);
      for (const item of items) expect(item).toMatchObject({ status: 'cancelled' });
    });
  });

  test('has Idempotency-Keys of its own: a foreign one is as good as new', async () => {
    const fileOf = async (client: typeof tenants.own) => {
      expect((await client.ask('POST', '/v1/uploads', formOf('file', {}))).status).toBe(202);
      return ((await client.ask('GET', '/v1/files')).body as { items: { id: string }[] }).items[0]?.id;
    };
    const files: Record<string, string | undefined> = { a: await fileOf(tenants.own), b: await fileOf(stranger()) };
    const bodies: Record<string, (note: string) => unknown> = {
      'post /v1/emails': (note) => emailTo('ada@example.com', { labels: { note } }),
      'post /v1/email-batches': (note) => batchTo('ada@example.com', { labels: { note } }),
      'post /v1/reports': (note) => ({ ...rows, options: { labels: { note } } }),
      'post /v1/uploads': (note) => formOf(note, {}),
      'post /v1/uploads/reprocess': (note) => ({ fileId: files[note], options: { labels: { note } } }),
      'put /v1/uploads/raw/{name}': (note) => ({ note }),
      'post /v1/bulk-actions': (note) => ({ action: 'cancel', filter: { label: { note } }, dryRun: true }),
    };
    const takers = operations
      .filter(({ parameters = [] }) => parameters.some(({ name }) => name === 'Idempotency-Key'))
      // Its job begins with the last byte: by the same ids.
      .filter(({ path }) => path !== '/v1/uploads/tus');
    expect(takers.map(nameOf).sort()).toEqual(Object.keys(bodies).sort());
    for (const operation of takers) {
      const post = (client: typeof tenants.own, note: string) =>
        client.ask(operation.method.toUpperCase(), operation.path.replace('{name}', 'note.json'), bodies[nameOf(operation)]?.(note), {
          // Ways to send a file share their keys.
          'Idempotency-Key': `${which} ${nameOf(operation)}`.replaceAll(' ', '-'),
        });
      const own = await post(tenants.own, 'a');
      // Had it been seen, another body would be refused.
      const foreign = await post(stranger(), 'b');
      expect([own.status, foreign.status, foreign.headers.get('Idempotency-Replayed')]).toEqual([202, 202, null]);
      expect(foreign.body['id']).not.toBe(own.body['id']);
      expect((await post(tenants.own, 'a')).body['id']).toBe(own.body['id']);
    }
  });

  test('gets nothing by the place in a foreign stream', async () => {
    const id = ownId('/v1/jobs/', 'sent');
    const stream = await follow({ url: `${tenants.api.url}/v1/jobs/${id}/events`, key: tenants.own.key });
    const headers = { 'Last-Event-ID': String((await stream.next('done')).id) };
    stream.leave();
    const ask = (client: typeof tenants.own, asked: string) => client.ask('GET', `/v1/jobs/${asked}/events`, undefined, headers);
    expect((await ask(tenants.own, id)).status).toBe(204);
    expect(told(await ask(stranger(), id))).toEqual(told(await ask(stranger(), unknownLike(id))));
  });

  test('gets nothing by another way to write a path', async () => {
    const file = ownId('/v1/files/', 'uploaded');
    for (const path of [`/v1/jobs/${ownId('/v1/jobs/', 'sent')}`, `/v1/files/${file}`, `/v1/files/${file}/content`])
      for (const odd of oddPathsOf(path)) {
        const { status } = await stranger().ask('GET', odd);
        expect([odd, [400, 404].includes(status)]).toEqual([odd, true]);
      }
  });

  test('cannot turn a link to one file into a link to another, and a file that there is takes no more asking than one that is not', async () => {
    const [id, other] = [ownId('/v1/files/', 'uploaded'), ownId('/v1/files/', 'reported')];
    const { links } = (await tenants.own.ask('GET', `/v1/files/${id}`)).body as { links: { content: string } };
    const anybody = (path: string) => exchanged(() => clientOf(tenants.api.port).ask('GET', path));
    const unknown = await anybody(links.content.replace(id, unknownLike(id)));
    expect(unknown).toMatchObject({ status: 404, body: { code: 'not_found' }, calls: [expect.stringMatching(/^select/)] });
    for (const forged of [links.content.replace(id, other), links.content.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))])
      expect(await anybody(forged)).toEqual(unknown);
    expect((await stranger().ask('GET', links.content)).status).toBe(404);
    expect((await anybody(links.content)).calls).not.toEqual(unknown.calls);
  });

  test('shares no bytes: who uploads the same and deletes it takes nothing from the other', async () => {
    const { body } = await stranger().ask('POST', '/v1/uploads', formOf(content, {}), { Prefer: 'wait=30' });
    const { id } = (body['result'] as { file: { id: string } }).file;
    expect((await stranger().ask('DELETE', `/v1/files/${id}`)).status).toBe(204);
    await tenants.system.stores.files.upkeep.sweep({ olderThanMs: 0 });
    expect((await tenants.own.ask('GET', `/v1/files/${ownId('/v1/files/', 'uploaded')}/content`)).text).toBe(content);
  });

  test('acts in bulk on its own jobs only, with and without a filter that foreign jobs fit', async () => {
    const ids = Object.values(tenants.belongings['/v1/jobs/'] ?? {});
    const statuses = async () => {
      const jobs = await Promise.all(ids.map((id) => tenants.own.ask('GET', `/v1/jobs/${id}`)));
      return jobs.map(({ body }) => body['status']);
    };
    const before = await statuses();
    for (const filter of [{ label: { order: '43' } }, {}]) {
      const { body: own } = await stranger().ask('POST', '/v1/emails', emailTo('ada@example.com', { ...later, labels: { order: '43' } }));
      await eventually(async () => {
        expect((await stranger().ask('GET', '/v1/jobs?status=scheduled')).body['items']).toHaveLength(1);
      });
      const { body: bulk } = await stranger().ask('POST', '/v1/bulk-actions', { action: 'cancel', filter });
      await eventually(async () => {
        const { body } = await stranger().ask('GET', `/v1/bulk-actions/${String(bulk['id'])}`);
        expect(body).toMatchObject({ status: 'completed', counts: { failed: 0 } });
      });
      await eventually(async () => {
        expect((await stranger().ask('GET', `/v1/jobs/${String(own['id'])}`)).body).toMatchObject({ status: 'cancelled' });
      });
    }
    expect(await statuses()).toEqual(before);
  });
});
