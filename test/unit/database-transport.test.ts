import { expect, test } from '@jest/globals';

import { transportConcern } from '../../src/database/transport.ts';

test.each([
  'postgres://u:hunter2@localhost/x',
  'postgres://u@127.0.0.1:5432/x',
  'postgres://u@[::1]:5432/x',
  'postgres:///x?host=/var/run/postgresql',
  'postgres://u@db.example/x?sslmode=verify-full',
  'postgres://u@db.example/x?sslmode=verify-full&sslrootcert=/ca.pem',
])('the way to the database is safe: %s', (url) => {
  expect(transportConcern(url)).toBeUndefined();
});

test.each([
  ['postgres://u:hunter2@db.example/x', /without TLS/],
  ['postgres://u:hunter2@10.0.0.5/x', /without TLS/],
  ['postgres://u:hunter2@localhost.example/x', /without TLS/],
  ['postgres://u:hunter2@localhost/x?host=db.example', /without TLS/],
  ['postgres://u:hunter2@db.example/x?sslmode=disable', /without TLS/],
  ['postgres://u:hunter2@db.example/x?sslmode=require', /verify-full/],
  ['postgres://u:hunter2@db.example/x?sslmode=no-verify', /verify-full/],
  ['postgres://u:hunter2@db.example/x?sslmode=verify-full&ssl=0', /verify-full/],
])('the way to the database is warned of, without the password: %s', (url, warning) => {
  expect(transportConcern(url)).toMatch(warning);
  expect(transportConcern(url)).not.toContain('hunter2');
});
