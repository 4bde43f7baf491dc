import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import type { Job } from '../../src/jobs/job.ts';
import { clientOf, type TenantClient } from '../support/belongings.ts';
import { eventually } from '../support/eventually.ts';
import { exchange } from '../support/exchange.ts';
import { reply, startMailServer } from '../support/mail-server.ts';
import { skipTime, untilStatus } from '../support/observe.ts';
import { postfixDsn } from '../support/reports.ts';
import { startSystem, type SubmitOptions, type TestApiProcess, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let mail: Awaited<ReturnType<typeof startMailServer>>;
let api: TestApiProcess;
let acme: TenantClient;

beforeAll(async () => {
  mail = await startMailServer({
    onRcptTo({ address }, _session, callback) {
      callback(address.startsWith('gone') ? reply(550, '5.1.1 no such user') : null);
    },
  });
  const env = { TEMPORAL_ADDRESS: process.env['TEMPORAL_ADDRESS'] ?? '', HANDOFF_PUBLIC_URL: 'https://handoff.example.com/mail' };
  system = await startSystem({
    taskQueue: 'suppression',
    smtpUrl: `smtp://127.0.0.1:${String(mail.port)}`,
    temporal: { env, checkMs: 10_000 },
  });
  api = await system.startApi();
  acme = clientOf(api.port, await api.keyOf('acme'));
});
afterAll(async () => {
  await system.close();
  await mail.close();
});
beforeEach(() => {
  mail.received.length = 0;
});

const start = async (to: string[], more: object = {}, options: SubmitOptions['options'] = {}): Promise<string> =>
  (await system.submit('email', { to, subject: 'Hello', text: 'Hi', ...more }, { options })).job.id;
const outcomeOf = async (id: string): Promise<Job['result']> => (await untilStatus(system, id, 'completed')).result;
const send = async (to: string[], more: object = {}) => outcomeOf(await start(to, more));
const held = (recipient: string, code: string) => ({ messages: [{ recipient, status: 'suppressed', code }] });
/** The header fields as they came, each with all its lines. */
const fieldsOf = (raw: Buffer) => (raw.toString('latin1').split('\r\n\r\n')[0] ?? '').split(/\r\n(?![ \t])/);

describe('mail to an address on the suppression list', () => {
  test('is not sent when it came there between acceptance and sending: the job is completed and says so', async () => {
    const id = await start(['ada@example.com', 'bob@example.com'], {}, { delaySeconds: 3_600 });
    expect((await acme.ask('POST', '/v1/suppressions', { address: 'ADA@example.com' })).status).toBe(201);
    await skipTime(system, id);
    expect(await outcomeOf(id)).toMatchObject({
      messages: [
        { recipient: 'ada@example.com', status: 'suppressed', code: 'manual' },
        { recipient: 'bob@example.com', status: 'sent' },
      ],
    });
    expect(mail.received.map(({ recipients }) => recipients)).toEqual([['bob@example.com']]);
    expect(await system.stores.deliveries.counts(id)).toMatchObject({ suppressed: 1, sent: 1 });
  });

  test('goes on for another tenant, and is sent again once the address is off the list', async () => {
    const { body } = await acme.ask('POST', '/v1/suppressions', { address: 'cleo@example.com' });
    expect(await send(['cleo@example.com'])).toMatchObject(held('cleo@example.com', 'manual'));
    const { job } = await system.submit('email', { to: ['cleo@example.com'], subject: 'x', text: 'x' }, { tenant: 'other' });
    await eventually(async () => {
      expect(await system.jobs.get('other', job.id)).toMatchObject({ status: 'completed' });
    });
    expect(mail.received).toHaveLength(1);
    await acme.ask('DELETE', `/v1/suppressions/${String(body['id'])}`);
    expect(await send(['cleo@example.com'])).toMatchObject({ messages: [{ status: 'sent' }] });
  });

  test('is not tried again after a server has said that there is no such recipient', async () => {
    await untilStatus(system, await start(['gone@example.com']), 'failed');
    expect(await send(['Gone@example.com'], { category: 'bulk' })).toMatchObject(held('Gone@example.com', 'bounce'));
    expect(mail.received).toEqual([]);
  });
});

describe('bulk mail', () => {
  const longest = `${'a'.repeat(64)}@${'b'.repeat(60)}.${'c'.repeat(60)}.example.com`;

  test.each(['dora@example.com', longest])(
    'has both headers of RFC 8058 on one line each, and one click on the link ends it (%s)',
    async (to) => {
      expect(await send([to], { category: 'bulk' })).toMatchObject({ messages: [{ status: 'sent' }] });
      const fields = fieldsOf(mail.received[0]?.raw ?? Buffer.alloc(0)).filter((field) => /^list-unsubscribe/i.test(field));
      const [link = '', post] = fields;
      expect(link).toMatch(/^List-Unsubscribe: <https:\/\/handoff\.example\.com\/mail\/v1\/unsubscribe\/[\w-]+>$/);
      expect([post, fields.length, link.length < 998]).toEqual(['List-Unsubscribe-Post: List-Unsubscribe=One-Click', 2, true]);
      expect(link).not.toContain(to.split('@')[0]);

      const path = link.slice('List-Unsubscribe: <https://handoff.example.com/mail'.length, -1);
      const seen = await exchange(api.port, { method: 'GET', path, headers: {}, body: undefined });
      expect(seen.status).toBe(200);
      expect(await send([to], { category: 'bulk' })).toMatchObject({ messages: [{ status: 'sent' }] });
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
      expect(await exchange(api.port, { method: 'POST', path, headers, body: 'List-Unsubscribe=One-Click' })).toMatchObject({
        status: 200,
      });
      expect(await send([to], { category: 'bulk' })).toMatchObject(held(to, 'unsubscribe'));
      expect(await send([to])).toMatchObject({ messages: [{ status: 'sent' }] });
    },
  );

  test('by a template has the same link in its text; mail that is not bulk has no such headers', async () => {
    const source = { subject: 'News', text: 'To end this: {{ unsubscribeUrl }}', schema: true, sample: {} };
    expect((await acme.ask('PUT', '/v1/email-templates/news', source)).status).toBe(201);
    const template = { name: 'news', variables: { unsubscribeUrl: 'https://evil.example/' } };
    for (const category of ['bulk', 'transactional']) {
      const { body } = await acme.ask('POST', '/v1/emails', { to: ['fay@example.com'], template, category });
      await outcomeOf(String(body['id']));
    }
    const [bulk = '', other = ''] = mail.received.map(({ raw }) => raw.toString().replaceAll('=\r\n', '').replaceAll('=3D', '='));
    const [, link = 'none'] = /^List-Unsubscribe: <(.*)>\r$/m.exec(bulk) ?? [];
    expect(bulk).toContain(`To end this: ${link}`);
    expect(other).toContain(`To end this: ${link}`);
    expect(other).not.toMatch(/^List-/m);
    expect(bulk + other).not.toContain('evil.example');
  });
});

test('a bounce that comes back later is found by its Message-ID, and only for the tenant and address it was sent to', async () => {
  await send(['hal@example.com']);
  const id = /^Message-ID: (<.*>)\r$/im.exec(mail.received[0]?.raw.toString() ?? '')?.[1] ?? '';
  const report = (address: string) =>
    postfixDsn({ recipient: `Final-Recipient: rfc822; ${address}`, returned: `Message-ID: ${id}\r\n\r\nHi` });
  const tell = async (key: string, address: string) => {
    const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'message/rfc822' };
    const { text } = await exchange(api.port, { method: 'POST', path: '/v1/bounces', headers, body: report(address) });
    return JSON.parse(text) as unknown;
  };
  const own = await api.keyOf('acme');
  expect(await tell(await api.keyOf('other'), 'hal@example.com')).toEqual({ suppressed: 0, unmatched: 1 });
  expect(await tell(own, 'eve@example.com')).toEqual({ suppressed: 0, unmatched: 1 });
  expect(await tell(own, 'HAL@example.com')).toEqual({ suppressed: 1, unmatched: 0 });
  expect(await send(['hal@example.com'])).toMatchObject(held('hal@example.com', 'bounce'));
});
