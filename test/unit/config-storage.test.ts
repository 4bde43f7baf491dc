import { expect, test } from '@jest/globals';

import { loadConfig } from '../../src/config.ts';
import { problemsOf } from '../support/config-problems.ts';

const storage = (url: string) => loadConfig({ HANDOFF_DATA_DIR: '/data', HANDOFF_STORAGE_URL: url }).storage;

test('files lie in a directory, or in a bucket', () => {
  expect(storage('file:///var/lib/hand%20off')).toEqual({ kind: 'disk', directory: '/var/lib/hand off' });
  expect(storage('s3://files?region=eu-west-1')).toEqual({
    ...{ kind: 's3', bucket: 'files', prefix: '', region: 'eu-west-1', endpoint: undefined, publicEndpoint: undefined, pathStyle: false },
    ...{ credentials: undefined, spool: '/data/spool' },
  });
  // Services of others mostly do not ask for a region.
  expect(storage('s3://files/a/b/?endpoint=http%3A%2F%2F127.0.0.1%3A9000')).toMatchObject({
    ...{ prefix: 'a/b', region: 'us-east-1', endpoint: 'http://127.0.0.1:9000' },
  });
});

test.each([
  ['nothing of the kind', 'gs://files'],
  ['no URL', 'files'],
  ['another machine', 'file://host/path'],
  ['no bucket', 's3:///prefix?region=eu-west-1'],
  ['a bucket that can be none', 's3://Files_!?region=eu-west-1'],
  ['a way up', 's3://files/../x/..a/..?region=eu-west-1&x'],
  ['signs in the prefix', 's3://files/a%2F..%2Fb?region=eu-west-1'],
  ['no region', 's3://files'],
  ['keys in the URL', 's3://AKID:geheim@files?region=eu-west-1'],
  ['an unknown field', 's3://files?region=eu-west-1&geheim=1'],
  ['a field of every object', 's3://files?region=eu-west-1&constructor=1'],
  ['an endpoint with keys', 's3://files?endpoint=https%3A%2F%2FAKID%3Ageheim%40s3.example.com'],
  ['an endpoint that is none', 's3://files?endpoint=s3.example.com'],
  ['neither true nor false', 's3://files?region=eu-west-1&pathStyle=yes'],
])('%s is refused, and not quoted', (_what, url) => {
  const problems = problemsOf({ HANDOFF_STORAGE_URL: url });
  expect(problems).toContain('HANDOFF_STORAGE_URL: ');
  expect(problems).not.toMatch(/geheim|AKID/);
});

test('a key without its secret is refused', () => {
  expect(problemsOf({ HANDOFF_S3_ACCESS_KEY_ID: 'AKID' })).toContain('HANDOFF_S3_SECRET_ACCESS_KEY must both be set');
});
