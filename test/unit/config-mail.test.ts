import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { loadConfig } from '../../src/config.ts';
import { problemsOf } from '../support/config-problems.ts';

const providersOf = (text: string) => loadConfig({ HANDOFF_MAIL_PROVIDERS: text }).mail.providers;

describe('HANDOFF_MAIL_PROVIDERS', () => {
  test('names the ways on which mail leaves, in their order, however they are separated', () => {
    const text =
      'smtps://u:p@mail.example.org,  bulk=ses://KEY:SECRET@eu-west-1\n resend://re_key@ spare=postmark://TOKEN@?stream=ours log:';
    expect(providersOf(text)).toEqual([
      { name: 'smtp', kind: 'smtp', url: 'smtps://u:p@mail.example.org' },
      { name: 'bulk', kind: 'ses', url: 'ses://KEY:SECRET@eu-west-1' },
      { name: 'resend', kind: 'resend', url: 'resend://re_key@api' },
      { name: 'spare', kind: 'postmark', url: 'postmark://TOKEN@api?stream=ours' },
      { name: 'log', kind: 'log', url: 'log:' },
    ]);
  });

  test.each(['ses://eu-west-1', 'ses://us-gov-west-1?configurationSet=a', 'smtp://mail.example.org/?name=us&pool=true&tls=off'])(
    'takes %s',
    (text) => {
      expect(providersOf(text)).toMatchObject([{ url: text }]);
    },
  );

  test('comes before SMTP_URL, which is the only one otherwise, and may be a file', async () => {
    expect(loadConfig({ SMTP_URL: 'smtp://a' }).mail.providers).toEqual([{ name: 'smtp', kind: 'smtp', url: 'smtp://a' }]);
    expect(loadConfig({ SMTP_URL: 'smtp://a', HANDOFF_MAIL_PROVIDERS: 'log:' }).mail.providers).toMatchObject([{ kind: 'log' }]);
    expect(loadConfig({}).mail.providers).toBeUndefined();
    const directory = await mkdtemp(join(tmpdir(), 'handoff-config-'));
    try {
      await writeFile(join(directory, 'providers'), 'main=resend://re_key@\nlog:\n');
      expect(loadConfig({ HANDOFF_MAIL_PROVIDERS_FILE: join(directory, 'providers') }).mail.providers).toHaveLength(2);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test.each([
    ['hunter2', 'must be a URL with smtp:, smtps:'],
    ['http://hunter2@mail', 'must be a URL with smtp:, smtps:'],
    ['smtp://', 'has no host'],
    ['smtp:hunter2', 'has no host'],
    ['ses://hunter2:a/b@eu-west-1', 'percent-encoded'],
    ['ses://hunter2@eu-west-1', 'both a key and a secret'],
    ['ses://hunter2', 'must have a region'],
    ['resend://', 'must be'],
    ['resend://hunter2', 'must be like resend://API_KEY@'],
    ['postmark://hunter2:b@', 'must be like'],
    ['postmark://hunter2@?strem=a', 'takes only endpoint, stream, bulkStream in its query'],
    ['resend://hunter2@?endpoint=ftp://a', 'endpoint must be a URL with http: or https:'],
    ['log:?hunter2=1', 'takes only nothing'],
    ['Hunter2=log:', 'its name must be'],
    [`${'hunter2'.repeat(5)}=log:`, 'its name must be'],
    ['log: a=smtp://hunter2@b log:', 'number 3: another one has the same name'],
    [' , ', 'HANDOFF_MAIL_PROVIDERS: is empty'],
  ])('is refused when it is %j, with its place and without its value', (text, reason) => {
    const problem = problemsOf({ HANDOFF_MAIL_PROVIDERS: text });
    expect(problem).toMatch(/^The configuration is not usable:\n {2}HANDOFF_MAIL_PROVIDERS(, number \d)?: [^\n]+$/);
    expect(problem).toContain(reason);
    expect(problem).not.toContain('hunter2');
  });
});

describe('HANDOFF_DKIM_…', () => {
  const pem = ({ privateKey }: { privateKey: KeyObject }) => privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength });
  const env = { HANDOFF_DKIM_DOMAIN: 'example.org', HANDOFF_DKIM_SELECTOR: 's1' };

  test('belong together', () => {
    expect(problemsOf(env)).toContain('HANDOFF_DKIM_DOMAIN, HANDOFF_DKIM_SELECTOR and HANDOFF_DKIM_KEY must all be set');
  });

  test('need a key that can sign: what can not would leave without a signature', () => {
    expect(problemsOf({ ...env, HANDOFF_DKIM_KEY: pem(rsa(2048)) })).toBe('none');
    for (const key of ['hunter2', pem(generateKeyPairSync('ed25519')), pem(rsa(512))]) {
      const problem = problemsOf({ ...env, HANDOFF_DKIM_KEY: key });
      expect(problem).toContain('HANDOFF_DKIM_KEY: must be a private RSA key of at least 1024 bits');
      expect(problem).not.toContain(key);
    }
  });
});
