import { userInfo } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { createApiKeys } from '../../src/database/api-keys.ts';
import { openDatabase } from '../../src/database/open.ts';
import { runCommand } from '../support/command.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';

const found = await findPostgres();
const title = 'skipped' in found ? `handoff keys (skipped: ${found.skipped})` : 'handoff keys';

const run = (...args: string[]) => runCommand('keys', ...args);

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

  test('audit prints what they did, newest first, a JSON object a line, with the user of the operating system', async () => {
    const made = await run('create', '--tenant', 'audited', '--scopes', 'read', '--name', 'Ada');
    const id = /key_[0-9a-f]{26}/.exec(made.said)?.[0] ?? 'none';
    await run('revoke', id);
    await run('create', '--tenant', 'other');
    const audit = async (...args: string[]) => {
      const { out } = await runCommand('audit', '--tenant', 'audited', ...args);
      expect(out).not.toContain(made.out);
      return out === '' ? [] : out.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    const entries = await audit();
    const by = { actor: `cli:${userInfo().username}`, outcome: 'accepted', target: id, address: null, requestId: null, reason: null };
    expect(entries).toMatchObject([
      { ...by, action: 'api_key.revoke' },
      { ...by, action: 'api_key.create', details: { scopes: ['read'], lifetimeSeconds: null } },
    ]);
    const [revoked, created] = entries.map(({ at }) => String(at));
    expect(await audit('--action', 'api_key.revoke')).toEqual(entries.slice(0, 1));
    expect(await audit('--after', String(revoked))).toMatchObject([{ at: revoked }]);
    expect(await audit('--before', String(revoked), '--target', id, '--actor', by.actor)).toMatchObject([{ at: created }]);
    expect(await audit('--before', '2001-01-01')).toEqual([]);
    expect(await runCommand('audit', '--action', 'key.create')).toMatchObject({ code: 1, said: expect.stringContaining('--action') });
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
    for (const args of [['keys', 'list'], ['audit']])
      expect(await runCommand(...args)).toMatchObject({ code: 1, said: expect.stringContaining('DATABASE_URL is not set') });
  });
});
