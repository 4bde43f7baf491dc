import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';

import { main } from '../../src/cli.ts';
import { createApiKeys } from '../../src/database/api-keys.ts';
import { openDatabase } from '../../src/database/open.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';

const found = await findPostgres();
const title = 'skipped' in found ? `handoff keys (skipped: ${found.skipped})` : 'handoff keys';

async function run(...args: string[]) {
  const [out, said] = [jest.spyOn(console, 'log').mockReturnValue(), jest.spyOn(console, 'error').mockReturnValue()];
  const code = await main(['keys', ...args]);
  const textOf = ({ mock }: typeof out) => mock.calls.map(([text]) => String(text)).join('\n');
  const result = { code, out: textOf(out), said: textOf(said) };
  jest.restoreAllMocks();
  return result;
}

('skipped' in found ? describe.skip : describe)(title, () => {
  const before = process.env['DATABASE_URL'];
  let server: Awaited<ReturnType<typeof startPostgres>>;
  beforeAll(async () => {
    if ('skipped' in found) return;
    server = await startPostgres(found);
    process.env['DATABASE_URL'] = server.url;
  });
  afterEach(() => {
    process.env['DATABASE_URL'] = server.url;
  });
  afterAll(async () => {
    if (before === undefined) delete process.env['DATABASE_URL'];
    else process.env['DATABASE_URL'] = before;
    await server.stop();
  });

  test('create prints a key that works and nothing else, and list and revoke name it by its id', async () => {
    const made = await run('create', '--tenant', 'acme', '--scopes', 'submit,read', '--expires', '90d', '--name', 'web shop');
    expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^hk_[\w-]{43}$/) });
    const id = /key_[0-9a-f]{26}/.exec(made.said)?.[0] ?? 'none';
    const db = await openDatabase({ url: server.url });
    try {
      expect(await createApiKeys(db).callerOf(made.out)).toMatchObject({ keyId: id, tenant: 'acme', scopes: ['submit', 'read'] });
      const listed = await run('list', '--tenant', 'acme');
      expect(listed.out).toMatch(new RegExp(`^${id} .* valid .* submit,read .* web shop$`, 'm'));
      expect(listed.out).not.toContain(made.out);
      expect((await run('list', '--tenant', 'other')).out).not.toContain('key_');
      expect(await run('revoke', id)).toMatchObject({ code: 0, out: '' });
      expect(await createApiKeys(db).callerOf(made.out)).toBeUndefined();
      expect((await run('list', '--tenant', 'acme')).out).toMatch(new RegExp(`^${id} .* revoked `, 'm'));
    } finally {
      await db.destroy();
    }
  });

  test.each([
    [['revoke', 'key_unknown'], 'There is no API key key_unknown.'],
    [['revoke'], 'Which key?'],
    [['revoke', 'a', 'b'], 'There is no command'],
    [['create', 'x'], 'There is no command'],
    [['create', '--scopes', 'root'], '--scopes'],
    [['create', '--expires', 'soon'], '--expires'],
    [['list', '--tenant', 'A'], '--tenant'],
  ])('%j is refused with a reason and without a stack', async (args, reason) => {
    const { code, out, said } = await run(...args);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(said).toContain(reason);
    expect(said).not.toMatch(/^\s+at /m);
  });

  test('say that a database is needed', async () => {
    delete process.env['DATABASE_URL'];
    expect(await run('list')).toMatchObject({ code: 1, said: expect.stringContaining('DATABASE_URL is not set') });
  });
});
