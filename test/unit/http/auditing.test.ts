import { describe, expect, test } from '@jest/globals';
import { type Request, type Response, Router } from 'express';

import { openApiDocument } from '../../../src/http/openapi.ts';
import { route } from '../../../src/http/routes.ts';
import { createRefusals } from '../../../src/http/refusals.ts';
import { audited } from '../../../src/http/auditing.ts';
import type { BulkRequest } from '../../../src/jobs/bulk.ts';
import { recipientHashOf } from '../../../src/jobs/recipient.ts';
import { aJob, bulkActionOf, keys, tenantKeys, testApi } from '../../support/api.ts';
import { anEntry, testAuditLog } from '../../support/audit.ts';
import { recordOf } from '../../support/file-store.ts';
import { type Audited, auditedRoutes, bulkId, fileId, jobId, suppressionId } from '../../support/audited-routes.ts';
import { exchange } from '../../support/exchange.ts';
import { type OpenApi, operationsOf } from '../../support/openapi.ts';
import { reportedId } from '../../support/reports.ts';

const api = testApi();
const job = aJob({ id: jobId });

/** What the job client did. Each notes how many entries were there by then. */
async function recordDeeds(): Promise<[string, number][]> {
  const deeds: [string, number][] = [];
  const doing =
    <T>(name: string, result: T) =>
    () => {
      deeds.push([name, api.audit.entries.length]);
      return Promise.resolve(result);
    };
  const asked = { id: bulkId, action: 'retry', asked: {}, dryRun: false, ratePerSecond: 1 } as unknown as BulkRequest;
  const [done, all] = [doing('job', job), doing('bulk', bulkActionOf(asked))];
  api.jobs = { cancel: done, retry: done, discard: done, addNote: done, edit: done, get: done };
  api.batches = { pause: done, resume: done };
  api.bulkActions = { start: doing('bulk', { started: true, bulkAction: bulkActionOf(asked) }), pause: all, resume: all, abort: all };
  const known = { tenant: 'acme', version: 1, description: null, createdAt: new Date(0), removed: false };
  api.definitions.versionsMade.push({
    ...known,
    ...{ name: 'sales', source: { title: 'Ada', source: { rows: [{ name: 'Ada' }] }, outputs: [{ format: 'csv' }] } },
  });
  api.presets.versionsMade.push({ ...known, name: 'avatar', source: { description: 'Of Ada' } });
  api.templates.versionsMade.push({
    ...known,
    name: 'welcome',
    ...{
      source: { subject: 'Ada', text: 'Ada', schema: true, sample: { name: 'Ada' } },
      parts: { subject: 'Ada', html: null, text: 'Ada' },
    },
  });
  api.sources.kept.set('acme/crm', {
    ...{ name: 'crm', description: null, secretNames: [], version: 1, changedAt: new Date(0), secrets: {} },
    settings: { kind: 'http', url: 'https://api.example.com' },
  });
  api.suppressions.all.push({
    ...{
      id: suppressionId,
      tenant: 'acme',
      address: 'ada@example.com',
      category: 'bulk',
      reason: 'manual',
      note: null,
      createdAt: new Date(0),
    },
  });
  api.sentMail = { [reportedId]: [{ tenant: 'acme', recipientHash: await recipientHashOf(tenantKeys, 'acme', 'ada@example.com') }] };
  const file = { id: fileId, tenant: 'acme', jobId, name: 'a.txt', contentType: 'text/plain', size: 1, sha256: 'ab'.repeat(32) };
  api.store.records.set(fileId, recordOf({ ...file, createdAt: new Date(0) }));
  return deeds;
}

function ask(name: string, { id = '', body, text }: Audited, apiKey = 'hk_of_the_actor') {
  const [method = '', path = ''] = name.split(' ');
  const sent = {
    method: method.toUpperCase(),
    path: path.replace(/\{\w+\}/, id),
    body: text?.body ?? (body && JSON.stringify(body)),
  };
  const headers = {
    Authorization: `Bearer ${apiKey}`,
    ...((body ?? text) && { 'Content-Type': text?.type ?? 'application/json' }),
    'X-Forwarded-For': '192.0.2.7',
  };
  return exchange(api.port, { ...sent, headers });
}

test('every route that changes something for operators or admins is among those that are tried here', () => {
  const steering = operationsOf(openApiDocument() as OpenApi)
    .filter(({ method, security }) => method !== 'get' && ['operate', 'admin'].includes(security[0]?.['apiKey']?.[0] ?? ''))
    .map(({ method, path }) => `${method} ${path}`);
  expect(steering).not.toEqual([]);
  expect(auditedRoutes.map(([name]) => name)).toEqual(expect.arrayContaining(steering));
});

test('a route that steers without saying what is audited does not compile', () => {
  const handler = () => undefined;
  for (const needs of ['operate', 'admin'] as const)
    // @ts-expect-error -- the compiler wants `audited` or `auditedWithin` here
    route(Router(), '/x', { post: [needs, handler] });
  // @ts-expect-error -- and it knows what they return
  route(Router(), '/x', { delete: { handlers: [handler] } });
  expect(() => {
    route(Router(), '/x', { post: ['submit', handler], get: ['admin', handler] });
  }).not.toThrow();
});

test('a route that is mounted where nothing can be recorded does nothing', async () => {
  let done = false;
  const act = () => {
    done = true;
    return Promise.resolve();
  };
  const { handlers } = audited('job.cancel', 'operate', [], () => ({ act }));
  const response = { locals: { caller: { keyId: 'key_x', tenant: 'acme', scopes: ['operate'], localOnly: false } } };
  const request = { params: { id: 'x' }, socket: {} };
  const last = handlers.at(-1)?.(request as unknown as Request, response as unknown as Response, () => undefined);
  await expect(last).rejects.toThrow('This route is not behind auditing');
  expect(done).toBe(false);
});

describe.each(auditedRoutes)('%s', (name, expected) => {
  const { action, id, status, target = id, reason = null, details = null } = expected;

  test('leaves one entry with who, what, why and from where, and nothing of what else was sent', async () => {
    const actor = api.keys.add('hk_of_the_actor');
    const deeds = await recordDeeds();
    const answer = await ask(name, expected);
    expect([answer.status, answer.text]).toEqual([status, expect.anything()]);
    const requestId = answer.headers.get('X-Request-Id');
    expect(api.audit.entries).toEqual([
      {
        ...{ id: expect.anything(), at: expect.anything(), tenant: 'acme', actor, action, outcome: 'accepted' },
        ...{ target, reason, details, address: '127.0.0.1', requestId },
      },
    ]);
    expect(JSON.stringify(api.audit.entries)).not.toContain('Ada');
    // Before, never after.
    for (const deed of deeds) expect(deed[1]).toBe(1);
  });

  test('is not done when it can not be recorded: 503', async () => {
    api.keys.add('hk_of_the_actor');
    const deeds = await recordDeeds();
    const before = JSON.stringify([await api.keys.list('acme'), [...api.store.records], api.suppressions.all]);
    api.audit.away = true;
    const { status: refused, text, headers } = await ask(name, expected);
    expect([refused, headers.get('Retry-After'), JSON.parse(text)]).toEqual([
      503,
      '5',
      expect.objectContaining({ code: 'database_unavailable', retryable: true }),
    ]);
    expect(deeds).toEqual([]);
    expect(JSON.stringify([await api.keys.list('acme'), [...api.store.records], api.suppressions.all])).toBe(before);
  });

  test('leaves an entry when it is refused for want of a scope', async () => {
    const actor = api.keys.add('hk_of_the_actor', { scopes: ['submit'] });
    const deeds = await recordDeeds();
    const answer = await ask(name, expected);
    expect([answer.status, deeds]).toEqual([403, []]);
    const refused = { tenant: 'acme', actor, action, outcome: 'refused', target: name.includes('{') ? id : null };
    const requestId = answer.headers.get('X-Request-Id');
    expect(api.audit.entries).toMatchObject([{ ...refused, reason: null, details: null, address: '127.0.0.1', requestId }]);
  });
});

describe('no entry', () => {
  test('is made by what only reads, by a submission, by a body that is not valid, and without a valid key', async () => {
    await recordDeeds();
    const agent = api.agent();
    await agent
      .post('/v1/emails')
      .send({ to: ['ada@example.com'], subject: 'x', text: 'x' })
      .expect(202);
    for (const path of [`/jobs/${jobId}`, '/jobs', '/api-keys', '/audit-log', `/files/${fileId}`])
      await agent.get(`/v1${path}`).expect(200);
    await agent.post(`/v1/jobs/${jobId}/cancel`).send({ force: true }).expect(400);
    await agent.post('/v1/api-keys').send({}).expect(400);
    await agent.delete('/v1/files/file_unknown').expect(404);
    await api.anonymous().post(`/v1/jobs/${jobId}/cancel`).expect(401);
    expect(api.audit.entries).toEqual([]);
  });
});

describe('the target of an entry', () => {
  test.each(['ada@example.com', 'a%20b', '%00', 'x'.repeat(129), '%3Cscript%3E'])(
    'is not what somebody wrote into the path (%s)',
    async (id) => {
      await api.agent().post(`/v1/jobs/${id}/cancel`).expect(404);
      expect(api.audit.entries).toMatchObject([{ action: 'job.cancel', target: null }]);
    },
  );

  test("is also another tenant's or an unknown id that was tried, in the log of the caller's tenant", async () => {
    await api.agent(keys.other).post(`/v1/jobs/${jobId}/cancel`).expect(404);
    expect(api.audit.entries).toMatchObject([{ tenant: 'other', target: jobId }]);
  });
});

describe('behind a proxy that is trusted', () => {
  const proxied = testApi({ edges: { trustProxy: 1 } });

  test.each([
    ['203.0.113.9, 192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8::1', '2001:db8::1'],
    ['203.0.113.9, Ada <script>', '127.0.0.1'],
  ])('the address is the one that the proxy saw, if it is one (%s)', async (forwarded, address) => {
    await proxied.agent().post(`/v1/jobs/${jobId}/cancel`).set('X-Forwarded-For', forwarded).expect(404);
    expect(proxied.audit.entries).toMatchObject([{ address }]);
  });
});

describe('refusals', () => {
  test('of who has only a token of a job are told apart from the key that made it', async () => {
    await recordDeeds();
    const { token } = (await api.agent().post(`/v1/jobs/${jobId}/tokens`)).body as { token: string };
    await api.agent(token).post(`/v1/jobs/${jobId}/cancel`).expect(403);
    expect(api.audit.entries.at(-1)).toMatchObject({ outcome: 'refused', action: 'job.cancel', details: { jobToken: jobId } });
  });

  test('can not fill the log: of each actor sixty a minute are recorded', async () => {
    const log = testAuditLog();
    const time = { now: 0 };
    const refuse = createRefusals(log, () => time.now);
    for (let i = 0; i < 100; i++) await refuse(anEntry({ actor: 'one' }));
    await refuse(anEntry({ actor: 'other' }));
    expect(log.entries.map(({ actor }) => actor).filter((actor) => actor === 'one')).toHaveLength(60);
    expect(log.entries.at(-1)).toMatchObject({ actor: 'other' });
    time.now = 60_000;
    await refuse(anEntry({ actor: 'one' }));
    expect(log.entries).toHaveLength(62);
  });
});
