import { afterAll, beforeAll, expect, test } from '@jest/globals';
import PostalMime, { type Email } from 'postal-mime';

import { clientOf, type TenantClient } from '../support/belongings.ts';
import { startMailServer } from '../support/mail-server.ts';
import { untilStatus } from '../support/observe.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let client: TenantClient;
let mail: Awaited<ReturnType<typeof startMailServer>>;

beforeAll(async () => {
  mail = await startMailServer();
  system = await startSystem({ taskQueue: 'test-email-templates', smtpUrl: `smtp://127.0.0.1:${String(mail.port)}` });
  const api = await system.startApi();
  client = clientOf(api.port, await api.keyOf('acme'));
});
afterAll(async () => {
  await system.close();
  await mail.close();
});

const path = '/v1/email-templates/receipt';
const schema = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] };

async function put(greeting: string): Promise<void> {
  const mjml = `<mjml><mj-body>{% for item in items %}<mj-section><mj-column><mj-text>${greeting} {{ name }}, {{ item }}</mj-text></mj-column></mj-section>{% endfor %}</mj-body></mjml>`;
  const body = { subject: `${greeting} {{ name }} {{ "now" | date: "%Y" }}`, mjml, schema, sample: { name: 'Ada', items: ['one'] } };
  expect(await client.ask('PUT', path, body)).toMatchObject({ status: 201 });
}

const variables = (name: string) => ({ name, items: ['<one>', 'two'] });

async function submit(to: string, use: object, options: object = {}): Promise<string> {
  const { status, body } = await client.ask('POST', '/v1/emails', { to: [to], template: { name: 'receipt', ...use }, options });
  expect([status, body]).toEqual([202, expect.anything()]);
  return String(body['id']);
}

async function mailTo(address: string): Promise<Email> {
  const found = mail.received.filter(({ recipients }) => recipients.includes(address));
  expect(found).toHaveLength(1);
  return PostalMime.parse(found[0]?.raw ?? '');
}

test('a job sends the version that it was taken with, whatever is put or removed before it begins', async () => {
  await put('Hello');
  const now = await submit('now@example.com', { variables: variables('Ada <b>') });
  const waiting = await submit('later@example.com', { variables: variables('Bob') }, { delaySeconds: 3_600 });
  await put('Changed');
  const pinned = await submit('pinned@example.com', { version: 1, variables: variables('Eve') });
  const newest = await submit('newest@example.com', { variables: variables('Zoe') });
  expect(await client.ask('DELETE', path)).toMatchObject({ status: 204 });
  expect(await client.ask('PATCH', `/v1/jobs/${waiting}`, { options: { delaySeconds: 0 } })).toMatchObject({ status: 200 });
  for (const id of [now, waiting, pinned, newest]) await untilStatus(system, id, 'completed');

  const first = await mailTo('now@example.com');
  expect(first.subject).toMatch(/^Hello Ada <b> 20\d\d$/);
  expect(first.html).toMatch(/Hello Ada &lt;b&gt;, &lt;one&gt;[^]*Hello Ada &lt;b&gt;, two/);
  expect(first.text).toMatch(/Hello Ada <b>, <one>\s+Hello Ada <b>, two/);
  expect((await mailTo('later@example.com')).subject).toMatch(/^Hello Bob/);
  expect((await mailTo('pinned@example.com')).subject).toMatch(/^Hello Eve/);
  expect((await mailTo('newest@example.com')).subject).toMatch(/^Changed Zoe/);

  const refused = await client.ask('POST', '/v1/emails', { to: ['ada@example.com'], template: { name: 'receipt' } });
  expect(refused).toMatchObject({ status: 400, body: { code: 'template_not_found' } });
});

test('what can not be rendered fails for good, and says where, but not with what', async () => {
  await put('Hi');
  expect(
    (await client.ask('POST', '/v1/emails', { to: ['ada@example.com'], template: { name: 'receipt', variables: {} } })).body,
  ).toMatchObject({
    code: 'invalid_request',
    errors: [{ pointer: '/template/variables', detail: 'name is missing' }],
  });
  const id = await submit('broken@example.com', { variables: { name: 'secret\r\nBcc: eve@example.com', items: [] } });
  const { error } = await untilStatus(system, id, 'failed');
  expect(error).toMatchObject({ code: 'template_failed', message: expect.stringMatching(/^subject: .*line breaks/) });
  expect(JSON.stringify(error)).not.toContain('secret');
  expect(mail.received.filter(({ recipients }) => recipients.some((one) => /broken|eve/.test(one)))).toEqual([]);
});

test('the preview shows it, and the finished message is what a mail program opens', async () => {
  await put('Preview');
  const { body } = await client.ask('POST', `${path}/preview`, { variables: { name: 'Ada', city: 'Oslo' } });
  expect(body).toMatchObject({ subject: expect.stringMatching(/^Preview Ada/), missing: ['items'], unused: ['city'], problems: [] });
  const answer = await client.ask('POST', `${path}/message`, { variables: variables('Ada') });
  expect(answer.headers.get('Content-Type')).toBe('message/rfc822');
  const message = await PostalMime.parse(answer.text);
  expect(message).toMatchObject({ to: [{ address: 'recipient@example.com' }], subject: expect.stringMatching(/^Preview Ada/) });
  expect(message.html).toContain('Preview Ada, &lt;one&gt;');
  const failed = await client.ask('POST', `${path}/message`, { variables: { name: 'Ada' } });
  expect(failed).toMatchObject({ status: 422, body: { code: 'template_failed', detail: 'undefined variable items.' } });
});
