import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { readFileSync } from 'node:fs';

import { loadConfig, variables } from '../../src/config.ts';
import { filledIn, imageEntrypoint, readCompose } from '../production/compose.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const conforms = new Ajv2020({ strict: false, allErrors: true }).compile(JSON.parse(read('test/support/compose-spec.json')) as object);
const file = readCompose();
const { services } = file;
const ours = ['api', 'worker'] as const;
const service = (name: string) => {
  const found = services[name];
  if (found === undefined) throw new Error(`There is no service ${name}.`);
  return found;
};
/** Ends by itself, and others wait for its success. */
const oneShot = (name: string) =>
  Object.values(services).some((other) => other.depends_on?.[name]?.condition === 'service_completed_successfully');

/** Everything that has to be up before this service starts. */
function before(name: string): string[] {
  const direct = Object.keys(service(name).depends_on ?? {});
  return [...new Set(direct.flatMap((other) => [other, ...before(other)]))];
}

describe('docker-compose.yml', () => {
  test('conforms to the schema of the Compose Specification', () => {
    conforms(file);
    expect(conforms.errors ?? []).toEqual([]);
  });

  test.each([
    ['a misspelt key of a service', { services: { api: { ...service('api'), depend_on: ['postgres'] } } }],
    ['a health check that is no object', { services: { api: { ...service('api'), healthcheck: 'curl localhost' } } }],
    ['a misspelt key at the top', { ...file, service: {} }],
  ])('would not conform with %s', (_what, broken) => {
    expect(conforms(broken)).toBe(false);
  });

  test.each(Object.keys(services))('pins the image of %s to a full version', (name) => {
    expect(service(name).image).toMatch(/^[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?$/);
  });

  test.each(Object.keys(services).filter((name) => !oneShot(name)))('checks the health of %s', (name) => {
    expect(service(name).healthcheck?.test).toEqual(expect.arrayContaining(['CMD']));
    expect(service(name).restart).toBe('unless-stopped');
  });

  test('tries again what ends by itself', () => {
    const names = Object.keys(services).filter(oneShot);
    expect(names).toEqual(['encryption-key', 'temporal-schema', 'temporal-namespace']);
    expect(new Set(names.map((name) => service(name).restart))).toEqual(new Set(['on-failure:5']));
  });

  test('waits for health, or for the success of what ends by itself', () => {
    const waits = Object.values(services).flatMap((other) => Object.entries(other.depends_on ?? {}));
    expect(waits.length).toBeGreaterThan(0);
    for (const [name, { condition }] of waits)
      expect([name, condition]).toEqual([name, oneShot(name) ? 'service_completed_successfully' : 'service_healthy']);
  });

  test('starts PostgreSQL, the schema, Temporal, its namespace, and then us', () => {
    expect(before('temporal-schema')).toEqual(['postgres']);
    expect(before('temporal')).toEqual(expect.arrayContaining(['postgres', 'temporal-schema']));
    expect(before('temporal-namespace')).toEqual(expect.arrayContaining(['temporal']));
    expect(before('api')).toEqual(expect.arrayContaining(['postgres', 'temporal', 'temporal-namespace']));
    expect(before('worker')).toEqual(expect.arrayContaining(['postgres', 'temporal', 'temporal-namespace', 'mailpit']));
  });

  test('publishes ports on loopback only', () => {
    const ports = Object.values(services).flatMap((other) => other.ports ?? []);
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });
});

describe.each(ours)('service %s', (name) => {
  const { command = [], environment = {}, stop_grace_period: grace = '' } = service(name);

  test('runs a command that the command line knows', () => {
    expect(imageEntrypoint()).toEqual(['node', 'dist/src/cli.js']);
    expect(command).toHaveLength(1);
    expect(read('src/cli.ts')).toMatch(new RegExp(`^  ${String(command[0])} {2,}`, 'm'));
  });

  test('sets only variables that are read', () => {
    const unknown = Object.keys(environment).filter(
      (key) => !variables.includes(key.replace(/_FILE$/, '')) && !key.startsWith('TEMPORAL_'),
    );
    expect(unknown).toEqual([]);
  });

  test('sets everything that its process cannot do without', () => {
    expect(environment).toMatchObject({ DATABASE_URL: expect.anything(), TEMPORAL_ADDRESS: 'temporal:7233', HANDOFF_HOST: '0.0.0.0' });
    expect('SMTP_URL' in environment).toBe(name === 'worker');
  });

  test('is given more time to stop than it takes', () => {
    expect(Number(/^(\d+)s$/.exec(grace)?.[1])).toBeGreaterThan(Number(environment['HANDOFF_SHUTDOWN_GRACE_SECONDS']));
  });

  test('gives every variable a value without any setting', () => {
    // What stands in the place of another one is left out: an empty value counts as none.
    const { HANDOFF_MAIL_PROVIDERS: inPlaceOfSmtpUrl, HANDOFF_CLAMD_URL: ofAProfile, ...needed } = environment;
    expect([inPlaceOfSmtpUrl, ofAProfile].map((value) => filledIn(value ?? ''))).toEqual(['', '']);
    for (const value of Object.values(needed)) expect(filledIn(value)).not.toBe('');
  });
});

describe.each(ours)('the hardening of %s', (name) => {
  test('leaves a process nothing that it does not need', () => {
    expect(service(name)).toMatchObject({
      read_only: true,
      tmpfs: ['/tmp'],
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      init: true,
    });
    for (const key of ['privileged', 'cap_add', 'network_mode', 'pid', 'user', 'devices']) expect(service(name)).not.toHaveProperty(key);
  });

  test('has the files of secrets in place of variables, in the file for that', () => {
    const secrets = readCompose('deploy/compose.secrets.yml');
    conforms(secrets);
    expect(conforms.errors ?? []).toEqual([]);
    const { environment = {} } = secrets.services[name] ?? {};
    for (const variable of name === 'worker' ? ['DATABASE_URL', 'SMTP_URL'] : ['DATABASE_URL']) {
      expect(environment).toMatchObject({ [variable]: '', [`${variable}_FILE`]: `/run/secrets/${variable.toLowerCase()}` });
      expect(service(name).environment).toHaveProperty(variable);
      expect(variables).toContain(variable);
    }
  });
});

describe('deploy/compose.s3.yml', () => {
  const { services: added } = readCompose('deploy/compose.s3.yml');

  test('conforms to the schema, pins its image, checks its health and publishes its port on loopback only', () => {
    conforms(readCompose('deploy/compose.s3.yml'));
    expect(conforms.errors ?? []).toEqual([]);
    expect(Object.keys(added)).toEqual([...ours, 's3']);
    expect(added['s3']?.image).toMatch(/:\d+\.\d+$/);
    expect(added['s3']?.healthcheck?.test).toEqual(expect.arrayContaining(['CMD']));
    for (const port of added['s3']?.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  test.each(ours)('gives %s a storage that the configuration takes, and waits for it', (name) => {
    const env = Object.entries(added[name]?.environment ?? {}).map(([key, value]) => [key, filledIn(value)] as const);
    const { storage } = loadConfig(Object.fromEntries(env));
    expect(storage).toMatchObject({ kind: 's3', bucket: 'files', endpoint: 'http://s3:8333', publicEndpoint: 'http://127.0.0.1:8333' });
    const keys = { AWS_ACCESS_KEY_ID: 'handoff', AWS_SECRET_ACCESS_KEY: 'handoff-try-out' };
    expect(storage).toMatchObject({ credentials: { accessKeyId: keys.AWS_ACCESS_KEY_ID, secretAccessKey: keys.AWS_SECRET_ACCESS_KEY } });
    const ofServer = Object.entries(added['s3']?.environment ?? {}).map(([key, value]) => [key, filledIn(value)]);
    expect(Object.fromEntries(ofServer)).toEqual(keys);
    expect(added[name]?.depends_on).toEqual({ s3: { condition: 'service_healthy' } });
  });
});

test('the image runs as a user without rights, who owns only its data', () => {
  const lines = read('Dockerfile').split('\n');
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
  expect(last).toContain('USER node');
  expect(last.filter((line) => /chown|--chmod/.test(line))).toEqual([]);
  expect(last.join('\n')).toContain('install -d -o node -g node -m 0700 /var/lib/handoff');
});

test('Temporal is told where the mounted settings are, with fairness on', () => {
  const path = service('temporal').environment?.['DYNAMIC_CONFIG_FILE_PATH'];
  expect(JSON.stringify(service('temporal'))).toContain(`./deploy/temporal/dynamic-config.yaml:${String(path)}:ro`);
  expect(read('deploy/temporal/dynamic-config.yaml')).toMatch(/^matching\.enableFairness:\n {2}- value: true$/m);
});

test('a virus scanner is there where it is asked for, takes what the API takes, and lets nothing through that it did not look at', () => {
  const { environment = {}, ...clamav } = service('clamav');
  expect(clamav).toMatchObject({ profiles: ['scan'] });
  const bytes = (name: string) => Number(/^(\d+)M$/.exec(String(environment[`CLAMD_CONF_${name}`]))?.[1]) * 1024 * 1024;
  const largest = Number(filledIn(service('api').environment?.['HANDOFF_MAX_UPLOAD_BYTES'] ?? ''));
  for (const name of ['StreamMaxLength', 'MaxFileSize', 'MaxScanSize']) expect(bytes(name)).toBeGreaterThanOrEqual(largest);
  expect(environment['CLAMD_CONF_AlertExceedsMax']).toBe('yes');
  for (const name of ours) expect(before(name)).not.toContain('clamav');
});
