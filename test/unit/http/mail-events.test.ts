import { beforeEach, describe, expect, test } from '@jest/globals';

import { recipientHashOf } from '../../../src/jobs/recipient.ts';
import { createPostmarkEvents } from '../../../src/mail/events/postmark.ts';
import { keys, tenantKeys, testApi } from '../../support/api.ts';
import { postfixBounce } from '../../support/reports.ts';

const api = testApi();

const stored = () => api.suppressions.all.map(({ tenant, address, category, reason }) => [tenant, address, category, reason]);
const sentTo = async (address: string, tenant = 'acme') => ({ tenant, recipientHash: await recipientHashOf(tenantKeys, tenant, address) });

describe('POST /v1/mail-events/{provider}', () => {
  const bounce = { RecordType: 'Bounce', Type: 'HardBounce', Email: 'Ada@example.com', MessageID: '883953f4' };
  const tell = (body: object, password = '0123456789abcdef') =>
    api.anonymous().post('/v1/mail-events/postmark').auth('postmark', password).send(body);
  beforeEach(async () => {
    api.mailEventSources = { postmark: createPostmarkEvents('postmark:0123456789abcdef') };
    api.sentMail = { 'Postmark 883953f4': [await sentTo('ada@example.com')] };
  });

  test('suppresses who has bounced or complained, and a repeated one changes nothing', async () => {
    for (let time = 0; time < 3; time++) expect((await tell(bounce)).status).toBe(204);
    expect(stored()).toEqual([['acme', 'ada@example.com', 'all', 'bounce']]);
    await tell({ ...bounce, RecordType: 'SpamComplaint' }).expect(204);
    expect(stored()).toHaveLength(2);
  });

  test('acknowledges an event about a message that was not sent, or not to that address, and stores nothing', async () => {
    await tell({ ...bounce, MessageID: 'unknown' }).expect(204);
    await tell({ ...bounce, Email: 'eve@example.com' }).expect(204);
    await tell({ ...bounce, Email: '' }).expect(204);
    await tell({ ...bounce, Type: 'SoftBounce' }).expect(204);
    expect(stored()).toEqual([]);
    const { text } = await api.anonymous().get('/metrics');
    expect(text).toContain('handoff_mail_reports_total{outcome="unmatched"} 3');
  });

  test('refuses a wrong signature with 401, whoever may have a key', async () => {
    const answer = await tell(bounce, 'wrong');
    expect([answer.status, (answer.body as { code: string }).code]).toEqual([401, 'signature_invalid']);
    await api.agent().post('/v1/mail-events/postmark').send(bounce).expect(401);
    expect([stored(), api.unexpected]).toEqual([[], []]);
  });

  test('is 404 for what is not configured, 405 for other methods, 413 for too much, 400 for no JSON', async () => {
    const statuses: number[] = [];
    for (const name of ['resend', 'ses', 'x', '__proto__', 'constructor'])
      statuses.push((await api.anonymous().post(`/v1/mail-events/${name}`).send(bounce)).status);
    expect(statuses).toEqual([404, 404, 404, 404, 404]);
    expect((await api.anonymous().get('/v1/mail-events/postmark')).status).toBe(405);
    expect((await tell({ x: 'x'.repeat(1_100_000) })).status).toBe(413);
    const broken = api.anonymous().post('/v1/mail-events/postmark').auth('postmark', '0123456789abcdef');
    expect((await broken.set('Content-Type', 'application/json').send('{')).status).toBe(400);
  });
});

describe('POST /v1/bounces', () => {
  const bounced = (message = postfixBounce, key = keys.acme) =>
    api.agent(key).post('/v1/bounces').set('Content-Type', 'message/rfc822').send(message);

  test('suppresses the address to which the message was sent, with an entry in the audit log', async () => {
    api.sentMail = { '<0123456789abcdef@example.org>': [await sentTo('ada@example.com')] };
    expect((await bounced()).body).toEqual({ suppressed: 1, unmatched: 0 });
    expect((await bounced()).body).toEqual({ suppressed: 1, unmatched: 0 });
    expect(stored()).toEqual([['acme', 'ada@example.com', 'all', 'bounce']]);
    expect(api.audit.entries[0]).toMatchObject({ action: 'suppression.add', details: { category: 'all', reason: 'bounce' } });
  });

  test('about a message that we did not send suppresses nobody', async () => {
    expect((await bounced()).body).toEqual({ suppressed: 0, unmatched: 1 });
    api.sentMail = { '<0123456789abcdef@example.org>': [await sentTo('bob@example.com')] };
    expect((await bounced()).body).toEqual({ suppressed: 0, unmatched: 1 });
    expect(stored()).toEqual([]);
  });

  test("about another tenant's message suppresses nobody", async () => {
    api.sentMail = { '<0123456789abcdef@example.org>': [await sentTo('ada@example.com')] };
    expect((await bounced(postfixBounce, keys.other)).body).toEqual({ suppressed: 0, unmatched: 1 });
    expect(stored()).toEqual([]);
  });

  test('takes any mail, but no other type, and not too much', async () => {
    expect((await bounced('Subject: Out of office\r\n\r\nI am away.\r\n')).body).toEqual({ suppressed: 0, unmatched: 0 });
    await api.agent().post('/v1/bounces').send({}).expect(415);
    await bounced('x'.repeat(11 * 1024 * 1024)).expect(413);
    expect(api.unexpected).toEqual([]);
  });
});
