import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { createAuditLog } from '../../src/database/audit-log.ts';
import { openDatabase } from '../../src/database/open.ts';
import { createTenantLimits } from '../../src/database/tenant-limits.ts';
import { anEntry } from '../support/audit.ts';
import { runCommand } from '../support/command.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';

const found = await findPostgres();
const title = 'skipped' in found ? `handoff limits (skipped: ${found.skipped})` : 'handoff limits';

const run = (...args: string[]) => runCommand('limits', ...args);

('skipped' in found ? describe.skip : describe)(title, () => {
  const before = process.env['DATABASE_URL'];
  let server: Awaited<ReturnType<typeof startPostgres>>;
  beforeAll(async () => {
    if ('skipped' in found) return;
    server = await startPostgres(found);
    process.env['DATABASE_URL'] = server.url;
  });
  afterAll(async () => {
    if (before === undefined) delete process.env['DATABASE_URL'];
    else process.env['DATABASE_URL'] = before;
    await server.stop();
  });

  test('sets the ceilings of a tenant, shows what counts, and clears them', async () => {
    expect(await run('set', '--tenant', 'acme', 'requestsPerMinute', '600')).toMatchObject({ code: 0, out: '' });
    await run('set', '--tenant', 'acme', 'concurrentJobs.report', '2');
    const db = await openDatabase({ url: server.url });
    try {
      const settings = createTenantLimits(db);
      expect(await settings.read('acme')).toEqual({ ceiling: { requestsPerMinute: 600, 'concurrentJobs.report': 2 }, own: {} });
      await settings.set('acme', 'own', { requestsPerMinute: 60 }, anEntry({ action: 'limit.change' }));
      const { items } = await createAuditLog(db).list('acme', { action: 'limit.change' }, { limit: 9 });
      expect(items.at(-1)).toMatchObject({ actor: expect.stringMatching(/^cli:/), details: { level: 'ceiling', requestsPerMinute: 600 } });
    } finally {
      await db.destroy();
    }
    const listed = await run('list', '--tenant', 'acme');
    expect(listed.out).toMatch(/^requestsPerMinute +60 +600 +60$/m);
    expect(listed.out).toMatch(/^concurrentJobs.report +2 +2 +-$/m);
    expect(await run('clear', 'requestsPerMinute', '--tenant', 'acme')).toMatchObject({ code: 0 });
    expect((await run('list', '--tenant', 'acme')).out).toMatch(/^requestsPerMinute +60 +120000 \(default\) +60$/m);
  });

  test.each([
    [['set', 'requestsPerMinute'], 'Which limit?'],
    [['set', 'requestsPerMinute', 'many'], 'whole number'],
    [['set', 'requestsPerMinute', '0'], 'at least 1'],
    [['set', 'requestsPerMinute', '1e3'], 'whole number'],
    [['set', 'everything', '1'], 'There is no limit "everything"'],
    [['set', 'concurrentJobs.unknown', '1'], 'There is no limit'],
    [['set', 'openJobs', '1', '2'], 'There is no command'],
    [['clear'], 'Which limit?'],
    [['clear', 'everything'], 'There is no limit'],
    [['list', '--tenant', 'A'], '--tenant'],
  ])('%j is refused with a reason and without a stack', async (args, reason) => {
    const { code, out, said } = await run(...args);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(said).toContain(reason);
    expect(said).not.toMatch(/^\s+at /m);
  });
});
