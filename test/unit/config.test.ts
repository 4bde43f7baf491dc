import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { type Config, ConfigError, loadConfig, loadTemporalConnection, variables } from '../../src/config.ts';
import { problemsOf } from '../support/config-problems.ts';

const defaults: Config = {
  host: '127.0.0.1',
  port: 3000,
  dataDir: resolve('.handoff'),
  databaseUrl: undefined,
  storage: { kind: 'disk', directory: join(resolve('.handoff'), 'files') },
  mail: { providers: undefined, connections: 5, dkim: undefined },
  mailFrom: 'handoff@localhost.localdomain',
  publicUrl: undefined,
  mailEvents: { resendSecret: undefined, postmarkAuth: undefined, sesTopicArn: undefined },
  maxUploadBytes: 536_870_912,
  images: { maxPixels: 100_000_000, memoryMb: 1_024, timeoutSeconds: 120 },
  uploads: { tusDir: resolve('.handoff/tus'), tusExpiryMs: 86_400_000 },
  scanning: {
    clamd: undefined,
    maxDatabaseDays: 7,
    archives: { maxEntries: 10_000, maxBytes: 2_147_483_648, maxRatio: 200 },
  },
  fileRetentionDays: undefined,
  maxMessageBytes: 26_214_400,
  maxStreamsPerKey: 100,
  limits: {
    requestsPerMinute: 120_000,
    ...{ openJobs: undefined, storedBytes: undefined, emailsPerDay: undefined },
    keylessRequestsPerMinute: 600,
    maxBacklog: 100_000,
  },
  reports: {
    concurrency: 2,
    memoryMb: 100,
    threads: 2,
    diskMb: 4_096,
    maxRows: 50_000_000,
    querySeconds: 600,
    previewSeconds: 20,
    dataSources: [],
    pdf: { maxRows: 50_000, memoryMb: 1_024, seconds: 900, threads: 1, fontsDirectory: undefined },
  },
  shutdownGraceSeconds: 20,
  encryption: { enabled: true, keys: undefined, keyModule: undefined },
  logLevel: 'warn',
  corsOrigins: [],
  codecOrigins: [],
  trustProxy: undefined,
  maxConnections: 10_000,
  refuseSecrets: 'off',
  tls: undefined,
  temporal: { address: undefined, namespace: 'default', connection: {}, uiUrl: undefined, files: [] },
  identity: undefined,
  outboundAllow: [],
  dev: { apiKey: undefined, smtpPort: 1025, temporalPort: 7233, temporalUiPort: 8233, temporalCli: undefined },
};

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'handoff-config-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function file(text: string, name = 'secret'): Promise<string> {
  await writeFile(join(directory, name), text);
  return join(directory, name);
}

describe('the configuration', () => {
  test('has defaults for everything', () => {
    expect(loadConfig({})).toEqual(defaults);
  });

  test('takes an empty variable for one that is not set', () => {
    expect(loadConfig(Object.fromEntries(variables.map((name) => [name, ''])))).toEqual(defaults);
  });

  test('looks at nothing but what it is given', () => {
    expect(loadConfig({ PATH: process.env['PATH'], HOME: '/nowhere', HANDOFF_UNKNOWN: 'x' })).toEqual(defaults);
  });

  const wrong = {
    HANDOFF_PORT: '70000',
    HANDOFF_SMTP_PORT: 'hunter2',
    HANDOFF_MAX_UPLOAD_BYTES: '-1',
    HANDOFF_MAX_IMAGE_PIXELS: '1.5',
    DATABASE_URL: 'mysql://u:hunter2@db/handoff',
    SMTP_URL: 'hunter2',
    HANDOFF_MAIL_FROM: 'hunter2',
    HANDOFF_LOG_LEVEL: 'hunter2',
    HANDOFF_TEMPORAL_UI_URL: 'javascript:hunter2',
    HANDOFF_DEV_API_KEY: 'hunter2',
    HANDOFF_TEMPORAL_PORT: '0',
    HANDOFF_SHUTDOWN_GRACE_SECONDS: '0',
    HANDOFF_ENCRYPTION: 'hunter2',
    HANDOFF_ENCRYPTION_KEYS: `${'A'.repeat(43)}=,hunter2`,
    HANDOFF_MAX_CONNECTIONS: '0',
    HANDOFF_REFUSE_SECRETS: 'hunter2',
    HANDOFF_OIDC_ISSUER: 'http://hunter2.example.org',
    HANDOFF_OIDC_JWKS_URL: 'https://user:hunter2@login.example.org/keys',
    HANDOFF_OIDC_ALGORITHMS: 'hunter2',
    HANDOFF_OIDC_MAX_TOKEN_AGE_SECONDS: '0',
    HANDOFF_OUTBOUND_ALLOW: '10.1.0.0/33',
    HANDOFF_LIMIT_REQUESTS_PER_MINUTE: '0',
    HANDOFF_LIMIT_EMAILS_PER_DAY: '-1',
    HANDOFF_MAX_BACKLOG: '1.5',
  };

  test.each(Object.entries(wrong))('refuses %s when it is %j', (name, value) => {
    expect(problemsOf({ [name]: value })).toMatch(new RegExp(`^The configuration is not usable:\\n  ${name}: [^\\n]+$`));
  });

  test('names all problems at once, and shows no value', () => {
    const message = problemsOf({ ...wrong, HANDOFF_HOST_FILE: join(directory, 'hunter2-missing') });
    for (const name of [...Object.keys(wrong), 'HANDOFF_HOST_FILE']) expect(message).toContain(name);
    expect(message).not.toMatch(/hunter2|70000|mysql/);
  });
});

describe('a value in a file', () => {
  test('is taken, without the line break at its end', async () => {
    const config = loadConfig({
      DATABASE_URL_FILE: await file('postgres://u:p@db/x\n'),
      HANDOFF_PORT_FILE: await file('8080\r\n', 'port'),
    });
    expect([config.databaseUrl, config.port]).toEqual(['postgres://u:p@db/x', 8080]);
  });

  test('must be readable', () => {
    expect(problemsOf({ SMTP_URL_FILE: join(directory, 'missing') })).toContain('SMTP_URL_FILE cannot be read');
    expect(problemsOf({ SMTP_URL_FILE: directory })).toContain('SMTP_URL_FILE cannot be read');
  });

  test('must be the only one', async () => {
    const both = { SMTP_URL: 'smtp://a', SMTP_URL_FILE: await file('smtp://b') };
    expect(problemsOf(both)).toContain('SMTP_URL and SMTP_URL_FILE are both set');
  });

  test('is checked and hidden like any other', async () => {
    const message = problemsOf({ SMTP_URL_FILE: await file('hunter2') });
    expect(message).toContain('SMTP_URL:');
    expect(message).not.toContain('hunter2');
  });

  test("is possible for Temporal's API key, too", async () => {
    const { connection } = loadConfig({ TEMPORAL_API_KEY_FILE: await file('key-from-file\n') }).temporal;
    expect(connection).toMatchObject({ apiKey: 'key-from-file', tls: true });
  });
});

describe("Temporal's own variables", () => {
  test("follow Temporal's rules", () => {
    const { connection } = loadConfig({ TEMPORAL_API_KEY: 'key', TEMPORAL_GRPC_META_X_TEAM: 'jobs' }).temporal;
    expect(connection).toMatchObject({ apiKey: 'key', tls: true, metadata: { 'x-team': 'jobs' } });
  });

  test('that lie in files are named, and read again for a renewed connection', async () => {
    const env = { TEMPORAL_API_KEY_FILE: await file('first'), TEMPORAL_TLS_SERVER_CA_CERT_PATH: await file('PEM', 'ca.pem') };
    const { files, connection } = loadConfig(env).temporal;
    expect(files).toEqual(Object.values(env));
    expect(connection).toMatchObject({ apiKey: 'first' });
    await file('second');
    expect(loadTemporalConnection(env)).toMatchObject({ apiKey: 'second' });
    await rm(env.TEMPORAL_API_KEY_FILE);
    expect(() => loadTemporalConnection(env)).toThrow(ConfigError);
  });

  test('that can not be used are a problem like any other, without their values', () => {
    const message = problemsOf({ TEMPORAL_TLS_CLIENT_CERT_PATH: '/nowhere/hunter2.pem', HANDOFF_PORT: 'x' });
    expect(message).toMatch(/TEMPORAL_….*ENOENT/);
    expect(message).toContain('HANDOFF_PORT');
    expect(message).not.toContain('hunter2');
  });
});
