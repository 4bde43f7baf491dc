import { describe, expect, test } from '@jest/globals';

import { testApi, unsubscribeTokens } from '../../support/api.ts';

const api = testApi();
const limited = testApi({ limits: () => ({ keylessRequestsPerMinute: 5 }) });

const ada = { tenant: 'acme', address: 'ada@example.com' };
const linkFor = async (of = ada) => `/v1/unsubscribe/${await unsubscribeTokens.make(of)}`;
const oneClick = (link: string) => api.anonymous().post(link).type('form').send('List-Unsubscribe=One-Click');
const stored = () => api.suppressions.all.map(({ tenant, address, category, reason }) => [tenant, address, category, reason]);

describe('GET of a link to unsubscribe', () => {
  test('shows a page with a button and does not unsubscribe, whoever comes and how often', async () => {
    const link = await linkFor();
    for (const agent of ['Mozilla/5.0', 'GoogleImageProxy', 'BarracudaCentral']) {
      const answer = await api.anonymous().get(link).set('User-Agent', agent);
      expect([answer.status, answer.get('Content-Type')]).toEqual([200, 'text/html; charset=utf-8']);
      expect(answer.text).toMatch(/<form method="post">.*<button type="submit">Unsubscribe<\/button>/);
    }
    await api.anonymous().head(link).expect(200);
    await api.anonymous().get(`${link}?List-Unsubscribe=One-Click`).expect(200);
    expect(stored()).toEqual([]);
  });

  test('runs and loads nothing, tells nobody the address, and is not kept or indexed', async () => {
    const { headers, text } = await api.anonymous().get(await linkFor());
    expect(text).toContain('<html lang="en">');
    expect(text).not.toMatch(/<script|<img|src=|\son\w+=|ada@|acme|https?:/);
    const policy = headers['content-security-policy'] as string;
    expect(policy).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]{44}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
    );
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-robots-tag': 'noindex' });
  });
});

describe('POST to a link to unsubscribe', () => {
  test.each([
    ['as mail services send it', 'application/x-www-form-urlencoded', 'List-Unsubscribe=One-Click'],
    ['as browsers send it', 'application/x-www-form-urlencoded', 'List-Unsubscribe=One-Click&x=y'],
    [
      'as the other form that RFC 8058 allows',
      'multipart/form-data; boundary=x',
      '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
    ],
  ])('%s holds back bulk mail, without a key, and however often it comes', async (_name, type, body) => {
    const link = await linkFor();
    for (let time = 0; time < 3; time++) {
      const answer = await api.anonymous().post(link).set('Content-Type', type).send(body);
      expect([answer.status, answer.get('Location')]).toEqual([200, undefined]);
      expect(answer.text).toContain('You are unsubscribed');
    }
    expect(stored()).toEqual([['acme', 'ada@example.com', 'bulk', 'unsubscribe']]);
  });

  test('with a forged token is 404 and does nothing', async () => {
    const link = await linkFor();
    const forged = [`${link}A`, link.slice(0, -2), '/v1/unsubscribe/x', '/v1/unsubscribe/%00', `/v1/unsubscribe/${'A'.repeat(4_000)}`];
    for (const path of forged) {
      const [got, posted] = [await api.anonymous().get(path), await oneClick(path)];
      expect([path, got.status, posted.status, (posted.body as { code: string }).code]).toEqual([path, 404, 404, 'not_found']);
    }
    expect([stored(), api.unexpected]).toEqual([[], []]);
  });

  test("with the token of another tenant's mail unsubscribes from that tenant only", async () => {
    await oneClick(await linkFor({ ...ada, tenant: 'other' })).expect(200);
    expect(stored()).toEqual([['other', 'ada@example.com', 'bulk', 'unsubscribe']]);
  });

  test('of a tenant that was erased is 404', async () => {
    api.suppressions.gone.add('acme');
    await oneClick(await linkFor()).expect(404);
    expect(stored()).toEqual([]);
  });

  test.each([
    ['', 'application/x-www-form-urlencoded', 400],
    ['x=y', 'application/x-www-form-urlencoded', 400],
    ['List-Unsubscribe=Two-Clicks', 'application/x-www-form-urlencoded', 400],
    ['{"List-Unsubscribe":"One-Click"}', 'application/json', 400],
  ])('without the form of RFC 8058 does nothing (%s, %s)', async (body, type, status) => {
    const answer = await api
      .anonymous()
      .post(await linkFor())
      .set('Content-Type', type)
      .send(body);
    expect([answer.status, stored()]).toEqual([status, []]);
  });

  test('by other methods is 405', async () => {
    const answer = await api.anonymous().delete(await linkFor());
    expect([answer.status, answer.get('Allow')]).toEqual([405, 'GET, HEAD, POST']);
  });
});

test('the log has nothing of the token', async () => {
  const link = await linkFor();
  await oneClick(link).expect(200);
  expect(api.answers.at(-1)).toMatchObject({ path: '/v1/unsubscribe/…', status: 200 });
});

test('whoever tries tokens is held up by the address; who has a real one is not', async () => {
  const link = await linkFor();
  for (let time = 0; time < 10; time++) await limited.anonymous().get(link).expect(200);
  for (let time = 0; time < 5; time++) await limited.anonymous().post('/v1/unsubscribe/x').expect(404);
  const refused = await limited.anonymous().post('/v1/unsubscribe/x');
  expect([refused.status, (refused.body as { code: string }).code]).toEqual([429, 'rate_limited']);
});
