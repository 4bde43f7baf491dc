import { type Config, ConfigError } from './config.ts';
import { openDatabase } from './database/open.ts';
import { createDeliveryLookup } from './database/provider-messages.ts';
import { createSuppressions } from './database/suppressions.ts';
import { createTenantSecrets } from './database/tenant-secrets.ts';
import { AppError } from './errors.ts';
import { createMailEventIntake } from './jobs/mail-events.ts';
import { suppressionNames } from './jobs/suppression-names.ts';
import { readBytes, readReport } from './mail/bounce.ts';

/** All of it is taken, or its writer would get an error; only the beginning is kept. */
async function beginningOf(input: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of input) {
    if (size < readBytes) chunks.push(chunk);
    size += chunk.byteLength;
  }
  return Buffer.concat(chunks);
}

/**
 * `handoff bounce`: a message of the bounce mailbox, whosever message it is about. What can't be read is said, and done with: to
 * refuse it would make the mail server send a bounce of the bounce.
 */
export async function takeBounce(config: Config, input: () => AsyncIterable<Uint8Array>, say: (line: string) => void): Promise<void> {
  if (config.databaseUrl === undefined) throw new ConfigError('DATABASE_URL is not set.');
  const message = await beginningOf(input());
  const db = await openDatabase({ url: config.databaseUrl });
  try {
    const suppressions = createSuppressions(db, suppressionNames);
    const intake = createMailEventIntake({ deliveries: createDeliveryLookup(db), suppressions, tenantKeys: createTenantSecrets(db) });
    const { suppressed, unmatched } = await intake.take(await readReport(message));
    say(`${String(suppressed)} addresses are on the suppression list; ${String(unmatched)} reports are about no message of ours.`);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'invalid_request')) throw error;
    say(error.message);
  } finally {
    await db.destroy();
  }
}
