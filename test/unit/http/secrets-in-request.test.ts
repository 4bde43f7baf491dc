import { describe, expect, test } from '@jest/globals';
import type { Response } from 'supertest';

import { newApiKey } from '../../../src/database/api-keys.ts';
import type { AppError } from '../../../src/errors.ts';
import { type SecretRefusal, refusingSecrets } from '../../../src/http/secrets-in-request.ts';
import { aJob, testApi } from '../../support/api.ts';

const report = (row: object) => ({ title: 'T', source: { rows: [{ city: 'Oslo' }, row] }, outputs: [{ format: 'csv' }] });

/** Pointers to what is refused; none when the body is taken. */
function refused(mode: SecretRefusal, body: unknown): string[] {
  try {
    refusingSecrets(mode)(body);
    return [];
  } catch (error) {
    const { code, message, errors = [] } = error as AppError;
    expect(code).toBe('secret_in_request');
    expect(message).not.toContain('hunter2');
    return errors.map(({ pointer }) => pointer);
  }
}

// Put together here, so that no scanner takes this file for a leak.
const part = (length: number) => 'a1B2'.repeat(20).slice(0, length);
const shaped = {
  'an API key of ours': newApiKey(),
  'an access key of AWS': `AKIA${'ABCD2345'.repeat(2)}`,
  'a token of GitHub': `ghp_${part(36)}`,
  'a fine-grained token of GitHub': `github_pat_${part(30)}`,
  'a token of GitLab': `glpat-${part(20)}`,
  'a token of Slack': `xoxb-${part(24)}`,
  'a key of Stripe': `sk_live_${part(24)}`,
  'a key of Google': `AIza${part(35)}`,
  'a key of SendGrid': `SG.${part(22)}.${part(43)}`,
  'a token of npm': `npm_${part(36)}`,
  'a JSON Web Token': ['{"alg":"HS256"}', '{"sub":"1234567890"}', 'signature']
    .map((text) => Buffer.from(text).toString('base64url'))
    .join('.'),
  'a private key': `-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----`,
  'a URL with a password': `postgres://user:hunter2@db.example/x`,
};

describe('a field that is named like a credential', () => {
  test.each([
    ...['password', 'Passwd', 'PWD', 'secret', 'client_secret', 'token', 'accessToken', 'refresh-token', 'apiKey', 'X-Api-Key', 'api_key'],
    ...[
      'authorization',
      'Proxy-Authorization',
      'private_key',
      'smtpPassword',
      'AWS_SECRET_ACCESS_KEY',
      'credentials',
      'Cookie',
      'passphrase',
    ],
  ])('is refused by name: %s', (name) => {
    for (const value of ['hunter2', 42, ['hunter2'], { user: 'hunter2' }])
      for (const mode of ['names', 'on'] as const) expect(refused(mode, report({ [name]: value }))).toEqual([`/source/rows/1/${name}`]);
    expect(refused('off', report({ [name]: 'hunter2' }))).toEqual([]);
  });

  test.each(['city', 'author', 'tokens', 'keyboard', 'passenger', 'secretary', 'compass', 'passport', 'authorId', 'key'])(
    'is not %s',
    (name) => {
      expect(refused('on', report({ [name]: 'x' }))).toEqual([]);
    },
  );

  test.each([[null], [''], [true], [false], [[]], [{}]])('is taken while it is %j', (value) => {
    expect(refused('on', report({ password: value }))).toEqual([]);
  });
});

describe('a text that looks like a credential', () => {
  test.each(Object.entries(shaped))('is refused wherever it stands: %s', (_what, secret) => {
    for (const text of [secret, `see ${secret} there`, `(${secret})`]) {
      expect(refused('on', report({ note: text }))).toEqual(['/source/rows/1/note']);
      expect(refused('on', { text, headers: [text] })).toEqual(['/text', '/headers/0']);
      expect(refused('names', report({ note: text }))).toEqual([]);
    }
  });

  test('is refused as the name of a field, which is then not shown', () => {
    expect(refused('on', report({ [shaped['a token of GitHub']]: 1 }))).toEqual(['/source/rows/1']);
  });

  test.each([
    'https://example.com/a:b@c',
    'https://user@example.com/',
    'mail me: ada@example.com',
    'AKIA is a prefix, and so is ghp_',
    'eyJ is how they begin',
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
    'sk_test_0123456789abcdef0123',
    'a risk_live_0123456789abcdef01',
  ])('is not %j', (text) => {
    expect(refused('on', report({ note: text }))).toEqual([]);
  });
});

test('at most twenty places are named', () => {
  expect(refused('on', { rows: Array.from({ length: 1_000 }, () => ({ password: 'hunter2' })) })).toHaveLength(20);
});

describe('over HTTP', () => {
  const secret = shaped['a token of Slack'];
  const api = testApi({ edges: { refuseSecrets: 'on' } });

  function expectRefused(answer: Response, pointers: string[]): void {
    const { code, errors } = answer.body as { code: string; errors: { pointer: string }[] };
    expect([answer.status, code, errors.map(({ pointer }) => pointer)]).toEqual([400, 'secret_in_request', pointers]);
    expect(answer.text).not.toContain('hunter2');
    expect(answer.text).not.toContain(secret);
    expect(api.started).toEqual([]);
  }

  test('a submission is refused, with a pointer to each place and without the values', async () => {
    const options = { labels: { password: 'hunter2', order: '42', token: 'hunter2' } };
    const answer = await api
      .agent()
      .post('/v1/reports')
      .send({ ...report({ note: secret }), options });
    expectRefused(answer, ['/source/rows/1/note', '/options/labels/password', '/options/labels/token']);
    const email = { to: ['ada@example.com'], subject: 'Hello', text: `It is ${secret}` };
    expectRefused(await api.agent().post('/v1/emails').send(email), ['/text']);
  });

  test('the part `request` of an upload is refused, and the file is not kept', async () => {
    const request = JSON.stringify({ options: { labels: { secret: 'hunter2' } } });
    const answer = await api.agent().post('/v1/uploads').attach('file', Buffer.from('x'), 'x.txt').field('request', request);
    expectRefused(answer, ['/request/options/labels/secret']);
    expect(await api.store.count()).toBe(0);
  });

  test('changes, notes and reasons of a job are refused', async () => {
    const { id } = aJob({});
    const job = () => Promise.resolve(aJob({ id }));
    api.jobs = { addNote: job, discard: job, edit: job };
    expectRefused(
      await api
        .agent()
        .patch(`/v1/jobs/${id}`)
        .send({ options: { labels: { secret: 'hunter2' } } }),
      ['/options/labels/secret'],
    );
    expectRefused(
      await api
        .agent()
        .post(`/v1/jobs/${id}/notes`)
        .send({ text: `use ${secret}` }),
      ['/text'],
    );
    expectRefused(await api.agent().post(`/v1/jobs/${id}/discard`).send({ reason: secret }), ['/reason']);
    const bulk = { action: 'discard', filter: {}, reason: secret };
    expectRefused(await api.agent().post('/v1/bulk-actions').send(bulk), ['/reason']);
  });
});

describe('by default', () => {
  const api = testApi();
  test('nothing is refused: a report may have such columns', async () => {
    expect(
      (
        await api
          .agent()
          .post('/v1/reports')
          .send(report({ password: 'hunter2' }))
      ).status,
    ).toBe(202);
  });
});

describe('a body of 5 MB that was made to take long', () => {
  const length = 5_000_000;
  const repeated = (text: string) => text.repeat(Math.ceil(length / text.length));
  // With an expression that is not linear one of these takes minutes: the test would run out of time.
  test.each([
    ...[
      'a',
      'eyJ',
      '-eyJ',
      'eyJaaaaaaaa',
      'eyJaaaaaaaa.',
      'eyJaaaaaaaa.eyJ',
      'SG.',
      'SG.aaaaaaaaaaaaaaaa.',
      'xoxb-',
      'xoxb-a-',
      'hk_',
      'hjt_key_',
      'hjt_key_.',
    ],
    ...[
      '-----BEGIN ',
      '-----BEGIN A',
      '-----BEGIN A A A ',
      '://',
      '://a',
      '://a:',
      '://a:b',
      '://a:a://',
      ':a',
      'ghp_',
      '_ghp_a',
      'AKIAA',
      'github_pat_a',
    ],
  ])('is looked through in linear time: %j again and again', (text) => {
    expect(refused('on', { note: repeated(text) }).length).toBeLessThan(2);
    expect(refused('on', { [repeated(text)]: 1 }).length).toBeLessThan(2);
  });

  test('is looked through in linear time: many small fields', () => {
    const rows = Array.from({ length: 200_000 }, (_, n) => ({ city: 'Oslo', passenger: String(n) }));
    expect([refused('on', { rows }), refused('names', { rows })]).toEqual([[], []]);
  });
});
