import { describe, expect, test } from '@jest/globals';

import { aJob, keys, testApi } from '../../support/api.ts';

const api = testApi({
  variableFaults: (_schema, variables) => (variables['name'] === 5 ? [{ pointer: '/name', detail: 'must be string' }] : []),
});
const welcome = { subject: 'Hello {{ name }}', html: '<p>{{ name }}</p>', schema: { type: 'object' }, sample: { name: 'Ada' } };
const path = '/v1/email-templates/welcome';
const put = (body: object = welcome, key?: string) => api.agent(key).put(path).send(body);
const versionOf = (answer: { body: unknown }) => (answer.body as { version: number }).version;

describe('PUT /v1/email-templates/{name}', () => {
  test('makes versions; the same body as that of the newest one makes none', async () => {
    const first = await put().expect(201).expect('Location', `${path}/versions/1`).expect('ETag', '"1"');
    expect(first.body).toEqual({
      ...{ name: 'welcome', version: 1, description: null, createdAt: expect.any(String), mjml: null, text: null, ...welcome },
      links: { self: path, version: `${path}/versions/1`, versions: `${path}/versions`, preview: `${path}/preview` },
    });
    const again = await put().expect(200);
    expect([again.body, again.headers['location']]).toEqual([first.body, undefined]);
    await put({ ...welcome, text: 'Hi' })
      .expect(201)
      .expect('ETag', '"2"');
    expect(versionOf(await put().expect(201))).toBe(3);
  });

  test('overwrites nothing that the caller has not seen', async () => {
    const created = () => put().set('If-None-Match', '*');
    await created().expect(201);
    expect((await created().expect(412)).body).toMatchObject({ code: 'precondition_failed' });
    const changed = (etag: string) => put({ ...welcome, text: etag }).set('If-Match', etag);
    await changed('"1"').expect(201);
    await changed('"1"').expect(412);
    for (const malformed of ['*', '1', 'W/"2"', '"x"'])
      expect((await changed(malformed).expect(400)).body).toMatchObject({ code: 'invalid_request' });
    expect(api.templates.versionsMade).toHaveLength(2);
  });

  test.each<[string, object, string]>([
    ['no part', { html: undefined }, '/mjml'],
    ['MJML and HTML', { mjml: '<mjml></mjml>' }, '/html'],
    ['a subject of two lines', { subject: 'a\nb' }, '/subject'],
    ['a character that no database holds', { html: 'a\u0000' }, '/html'],
    ['no schema', { schema: undefined }, '/schema'],
    ['an unknown field', { layout: 'x' }, '/layout'],
  ])('refuses %s', async (_name, changes, pointer) => {
    expect((await put({ ...welcome, ...changes }).expect(400)).body).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
  });

  test.each(['Welcome', '.x', 'a b', 'x'.repeat(65), '%00'])('refuses the name %s', async (name) => {
    const answer = await api.agent().put(`/v1/email-templates/${name}`).send(welcome).expect(400);
    expect(answer.body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/name' }] });
  });
});

describe('reading', () => {
  test('gives the newest version, a certain one, all versions, and all templates, in pages', async () => {
    for (const text of ['one', 'two', 'three']) await put({ ...welcome, text });
    await api.agent().put('/v1/email-templates/receipt').send(welcome);
    expect((await api.agent().get(path).expect(200).expect('ETag', '"3"')).body).toMatchObject({ version: 3, text: 'three' });
    expect((await api.agent().get(`${path}/versions/2`).expect(200)).body).toMatchObject({ version: 2, text: 'two' });
    const seen: unknown[] = [];
    for (let next = '/v1/email-templates/welcome/versions?limit=2', end = false; !end;) {
      const answer = await api.agent().get(next).expect(200);
      const page = answer.body as { items: { version: number }[]; nextCursor: string | null };
      seen.push(page.items.map(({ version }) => version));
      end = page.nextCursor === null;
      next = /<([^>]+)>/.exec(String(answer.headers['link']))?.[1] ?? '';
    }
    expect(seen).toEqual([[3, 2], [1]]);
    const { items } = (await api.agent().get('/v1/email-templates').expect(200)).body as { items: object[] };
    expect(items).toMatchObject([
      { name: 'receipt', version: 1 },
      { name: 'welcome', version: 3 },
    ]);
    const { nextCursor } = (await api.agent().get('/v1/email-templates?limit=1')).body as { nextCursor: string };
    expect((await api.agent().get(`${path}/versions?cursor=${nextCursor}`).expect(400)).body).toMatchObject({ code: 'invalid_cursor' });
  });

  test.each(['', '/versions', '/versions/2', '/versions/0', '/versions/x', '/versions/1e0', '/versions/99999999999'])(
    'finds nothing that is not there: %s',
    async (rest) => {
      if (rest.startsWith('/versions/')) await put();
      const answers = [await api.agent().get(`${path}${rest}`), await api.agent().get(`/v1/email-templates/Not_A_Name%00${rest}`)];
      expect(answers.map(({ status }) => status)).toEqual([404, 404]);
    },
  );

  test('knows nothing of the templates of another tenant', async () => {
    await put();
    for (const rest of ['', '/versions', '/versions/1']) await api.agent(keys.other).get(`${path}${rest}`).expect(404);
    for (const rest of ['/preview', '/message']) await api.agent(keys.other).post(`${path}${rest}`).expect(404);
    expect((await api.agent(keys.other).get('/v1/email-templates').expect(200)).body).toEqual({ items: [], nextCursor: null });
    await api.agent(keys.other).delete(path).expect(404);
    expect(versionOf(await put({ ...welcome, text: 'theirs' }, keys.other).expect(201))).toBe(1);
    expect((await api.agent().get(path)).body).toMatchObject({ version: 1, text: null });
  });
});

test('DELETE hides all versions; what is put after that goes on counting', async () => {
  await put();
  await api.agent().delete(path).expect(204);
  for (const rest of ['', '/versions', '/versions/1']) await api.agent().get(`${path}${rest}`).expect(404);
  await api.agent().delete(path).expect(404);
  expect(await api.templates.partsOf('acme', 'welcome', 1)).toBeDefined();
  expect(versionOf(await put().expect(201))).toBe(2);
  await api.agent().get(`${path}/versions/1`).expect(404);
});

describe('preview', () => {
  test('of a version, with given variables or the sample, or of a source that is not saved', async () => {
    await put();
    const ask = async (body?: object) => (await api.agent().post(`${path}/preview`).send(body).expect(200)).body as object;
    expect(await ask()).toEqual({
      ...{ name: 'welcome', version: 1, subject: welcome.subject, html: welcome.html, text: `text of ${welcome.html}` },
      ...{ size: { html: 17, text: 25 }, missing: [], unused: [], problems: [], warnings: [] },
    });
    expect(await ask({ version: 1, variables: {} })).toMatchObject({ version: 1 });
    expect(await ask({ source: { ...welcome, subject: ' ' } })).toMatchObject({ version: null, warnings: ['The subject is empty.'] });
    expect(api.templates.versionsMade).toHaveLength(1);
  });

  test('warns of what Gmail would cut off', async () => {
    const source = { ...welcome, html: 'x'.repeat(104_449) };
    const answer = await api.agent().post(`${path}/preview`).send({ source }).expect(200);
    expect(answer.body).toMatchObject({ size: { html: 104_449 }, warnings: [expect.stringMatching(/Gmail/)] });
  });

  test('as a finished message is a file that no browser shows', async () => {
    await put();
    const answer = await api.agent().post(`${path}/message`).send({ version: 1 }).responseType('blob').expect(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'message/rfc822',
      'content-disposition': 'attachment; filename="welcome-1.eml"',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringMatching(/default-src 'none'/),
    });
    expect(JSON.parse(String(answer.body))).toEqual({ subject: welcome.subject, template: 'welcome-1', html: welcome.html });
  });
});

describe('POST /v1/emails with a template', () => {
  const send = (template: object, key?: string) =>
    api
      .agent(key)
      .post('/v1/emails')
      .send({ to: ['ada@example.com'], template });
  const chosen = () => (api.started.at(-1)?.input as { content: { template: object } }).content.template;

  test('takes the newest version, or the one that is asked for', async () => {
    await put();
    await put({ ...welcome, text: 'Hi' });
    await send({ name: 'welcome', variables: { name: 'Ada' } }).expect(202);
    expect(chosen()).toEqual({ name: 'welcome', version: 2, variables: { name: 'Ada' } });
    await send({ name: 'welcome', version: 1 }).expect(202);
    expect(chosen()).toEqual({ name: 'welcome', version: 1, variables: {} });
  });

  test('refuses what is not there, what is removed, and what belongs to another tenant, all alike', async () => {
    await put(welcome, keys.other);
    const problem = (body: unknown) => ({ ...(body as object), requestId: '' });
    const foreign = await send({ name: 'welcome' }).expect(400);
    expect(foreign.body).toMatchObject({ code: 'template_not_found', errors: [{ pointer: '/template/name' }] });
    await put();
    await api.agent().delete(path);
    expect(problem((await send({ name: 'welcome' })).body)).toEqual(problem(foreign.body));
    await put();
    expect((await send({ name: 'welcome', version: 1 }).expect(400)).body).toMatchObject({ errors: [{ pointer: '/template/version' }] });
    expect(api.started).toEqual([]);
  });

  test('refuses variables that the schema refuses, by their place', async () => {
    await put();
    expect((await send({ name: 'welcome', variables: { name: 5 } }).expect(400)).body).toMatchObject({
      code: 'invalid_request',
      errors: [{ pointer: '/template/variables/name', detail: 'must be string' }],
    });
  });

  test('answers a repeated request with its job, whatever became of the template', async () => {
    await put();
    const asked = () => send({ name: 'welcome' }).set('Idempotency-Key', 'order-42');
    const first = await asked().expect(202);
    await api.agent().delete(path);
    const [started] = api.started;
    api.jobs = { earlier: () => Promise.resolve(started && aJob({ id: started.jobId })) };
    const again = await asked().expect(202).expect('Idempotency-Replayed', 'true');
    expect((again.body as { id: string }).id).toBe((first.body as { id: string }).id);
  });
});
