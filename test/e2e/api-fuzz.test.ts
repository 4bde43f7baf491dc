import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve as absolute } from 'node:path';

import { Product } from '../support/product.ts';
import { findSchemathesis } from '../support/schemathesis.ts';

const minutes = 60_000;

const found = await findSchemathesis();
const title =
  typeof found === 'string'
    ? 'requests made from the OpenAPI document'
    : `requests made from the OpenAPI document (skipped: ${found.skipped})`;

/** What an answer must not do. Not `positive_data_acceptance`: some rules (two fields that exclude each other) are words only. */
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'unsupported_method',
  'ignored_auth',
];

(typeof found === 'string' ? describe : describe.skip)(title, () => {
  let product: Product;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'handoff-fuzz-'));
    product = await Product.create();
    await product.start();
  }, 5 * minutes);
  afterAll(async () => {
    await product.destroy();
    await rm(directory, { recursive: true, force: true });
  }, 2 * minutes);

  test(
    'find no 5xx, no answer that breaks its schema, and no path that forgets the key',
    async () => {
      const args = [
        ...['run', `${product.url}/openapi.json`, '--url', product.url, '--header', `Authorization: Bearer ${product.key}`],
        ...['--checks', checks.join(','), '--phases', 'examples,fuzzing', '--max-examples', '4', '--max-time', '25', '--seed', '20261122'],
        // It can't write message/rfc822; hostile mail is in test/unit/mail/bounce.test.ts.
        ...['--exclude-operation-id', 'takeBounce'],
        // One: Python 3.11 reads its own sources wrongly now and then where two do (python/cpython issue 106905).
        ...['--workers', '1', '--request-timeout', '180', '--no-color'],
      ];
      const { code, output } = await new Promise<{ code: number; output: string }>((resolve) => {
        const options = {
          ...{ cwd: directory, timeout: 8 * minutes, maxBuffer: 64 * 1024 * 1024 },
          env: { ...process.env, SCHEMATHESIS_HOOKS: absolute('test/support/schemathesis_hooks.py') },
        };
        execFile(found as string, args, options, (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr });
        });
      });
      expect({ code, output: code === 0 ? '' : output.slice(-6_000) }).toEqual({ code: 0, output: '' });
      // It did ask: a document that it can't read would be silent, too.
      const [, cases = '0'] = /(\d+) generated/.exec(output) ?? [];
      expect(Number(cases)).toBeGreaterThan(50);
    },
    10 * minutes,
  );
});
