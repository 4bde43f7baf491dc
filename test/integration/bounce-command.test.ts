import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { takeBounce } from '../../src/bounce-command.ts';
import { loadConfig } from '../../src/config.ts';
import { createDeliveries } from '../../src/database/deliveries.ts';
import { openDatabase } from '../../src/database/open.ts';
import { createSuppressions } from '../../src/database/suppressions.ts';
import { createTenantSecrets } from '../../src/database/tenant-secrets.ts';
import { newJobId } from '../../src/jobs/ids.ts';
import { recipientHashOf } from '../../src/jobs/recipient.ts';
import { suppressionNames } from '../../src/jobs/suppression-names.ts';
import { runCommand } from '../support/command.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';
import { complaint, postfixBounce, reportedId } from '../support/reports.ts';

const found = await findPostgres();
const title = 'skipped' in found ? `handoff bounce (skipped: ${found.skipped})` : 'handoff bounce';

test('without a database tells the mail server to keep the message for later', async () => {
  const { code, said } = await runCommand('bounce');
  expect(code).toBe(75);
  expect(said).toContain('DATABASE_URL');
});

('skipped' in found ? describe.skip : describe)(title, () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  beforeAll(async () => {
    if (!('skipped' in found)) server = await startPostgres(found);
  });
  afterAll(() => server.stop());

  async function pipe(text: string): Promise<string> {
    const said: string[] = [];
    await takeBounce(
      loadConfig({ DATABASE_URL: server.url }),
      () => Readable.from([Buffer.from(text)]),
      (line) => said.push(line),
    );
    return said.join('\n');
  }

  test('suppresses whom a message was sent to, whosever message it was, and nobody else', async () => {
    const db = await openDatabase({ url: server.url });
    try {
      expect(await pipe(postfixBounce)).toBe('0 addresses are on the suppression list; 1 reports are about no message of ours.');
      const recipientHash = await recipientHashOf(createTenantSecrets(db), 'acme', 'ada@example.com');
      const delivery = { tenant: 'acme', jobId: newJobId('email', 'acme'), seq: 0, messageId: reportedId, recipientHash };
      await createDeliveries(db).claim([delivery], { newCall: true });
      expect(await pipe(postfixBounce)).toBe('1 addresses are on the suppression list; 0 reports are about no message of ours.');
      await pipe(complaint());
      const { items } = await createSuppressions(db, suppressionNames).list('acme', {}, { limit: 9 });
      expect(items.map(({ address, reason }) => [address, reason])).toEqual([
        ['ada@example.com', 'complaint'],
        ['ada@example.com', 'bounce'],
      ]);
    } finally {
      await db.destroy();
    }
  });

  test('is done with what is no report, or no mail at all', async () => {
    expect(await pipe('Subject: Out of office\r\n\r\nI am away.\r\n')).toMatch(/^0 addresses/);
    expect(await pipe(`X-Long: ${'x'.repeat(300_000)}\r\n\r\n`)).toMatch(/can be read|no mail/);
    expect(await pipe(`${postfixBounce}${'x'.repeat(5_000_000)}`)).toMatch(/^1 addresses/);
  });
});
