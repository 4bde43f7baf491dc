import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { commandEntry } from './audit-command.ts';
import { type Config, ConfigError } from './config.ts';
import type { DataKeyStore } from './database/data-keys.ts';
import { knownTenants, removeTenant, revokeKeys } from './database/erase-tenant.ts';
import { openDatabase } from './database/open.ts';
import { tenantTag } from './jobs/ids.ts';
import { quoted } from './jobs/visibility-query.ts';
import { openProtection, type Protection } from './protection.ts';
import { keptSecret } from './secret-file.ts';
import { createPartialUploads } from './storage/partial-uploads.ts';
import { linkTemporal } from './temporal/connection.ts';
import { endWorkflows } from './temporal/end-workflows.ts';

type Say = (line: string) => void;
type Database = Awaited<ReturnType<typeof openDatabase>>;

/** How long other processes may go on with an API key that was revoked, in milliseconds. */
const revokedWithinMs = 5_000;

/** 32 random bytes in base 64. */
export function newMasterKey(): string {
  return randomBytes(32).toString('base64');
}

/** `handoff encryption key`: prints one, or keeps it in a file unless there is one. */
export async function makeMasterKey(keep: string | undefined, print: Say, say: Say): Promise<void> {
  if (keep === undefined) print(newMasterKey());
  else {
    await keptSecret(keep, newMasterKey);
    say(`The key is in ${keep}. Keep a copy apart from the database: without it nothing that jobs hold can be read again.`);
  }
}

async function withProtection<T>(config: Config, use: (db: Database, protection: Protection & { dataKeys: DataKeyStore }) => Promise<T>) {
  if (config.databaseUrl === undefined) throw new ConfigError('DATABASE_URL is not set.');
  const db = await openDatabase({ url: config.databaseUrl });
  try {
    const { dataKeys, ...protection } = await openProtection(db, config);
    if (dataKeys === undefined) throw new ConfigError('HANDOFF_ENCRYPTION is off and no keys are set: there is nothing to do.');
    return await use(db, { ...protection, dataKeys });
  } finally {
    await db.destroy();
  }
}

/** `handoff encryption rotate`: from now on other data keys write. */
export async function rotateDataKeys(config: Config, tenant: string | undefined, say: Say): Promise<void> {
  const tag = tenant === undefined ? undefined : tenantTag(tenant);
  const count = await withProtection(config, (_db, { dataKeys }) => dataKeys.rotate(tag));
  say(`${String(count)} new data keys write within a minute. What was written before stays readable.`);
}

/** `handoff encryption rewrap`: afterwards only the newest master key is needed. */
export async function rewrapDataKeys(config: Config, say: Say): Promise<void> {
  const count = await withProtection(config, (_db, { dataKeys }) => dataKeys.rewrap());
  say(`${String(count)} data keys are now encrypted by the newest master key. The older ones can go once no process has them configured.`);
}

/** `handoff tenants erase`: nothing that was the tenant's can be read afterwards, in a backup of Temporal either. */
export async function eraseTenant(config: Config, tenant: string, say: Say): Promise<void> {
  const { address, connection, namespace } = config.temporal;
  if (address === undefined) throw new ConfigError('TEMPORAL_ADDRESS is not set.');
  await withProtection(config, async (db, { dataKeys, plugin }) => {
    const tag = tenantTag(tenant);
    const sharing = (await knownTenants(db)).find((other) => other !== tenant && tenantTag(other) === tag);
    // One in a thousand million pairs of names.
    if (sharing !== undefined) throw new ConfigError(`The tenant ${sharing} has the same data keys as ${tenant}: nothing was erased.`);
    await revokeKeys(db, tenant, commandEntry('tenant.erase'));
    say('Its API keys are revoked. Waiting until every process knows …');
    await sleep(revokedWithinMs);
    const link = linkTemporal({ connection: { ...connection, address }, namespace, protection: plugin, log: say });
    try {
      await link.connected;
      const query = `HandoffTenant = ${quoted(tenant)} AND ExecutionStatus = ${quoted('Running')}`;
      say(`${String(await endWorkflows(link.client(), query, 'The tenant is erased'))} open workflows were terminated.`);
    } finally {
      await link.close();
    }
    const { files } = await removeTenant(db, tenant);
    const partials = createPartialUploads(config.uploads.tusDir);
    for await (const { id } of partials.all({ tenant, tag })) await partials.remove(id);
    const keys = await dataKeys.destroy(tag);
    say(
      `${String(files)} files are gone (their bytes with the next sweep), and ${String(keys)} data keys destroyed; processes that run forget them within a minute.`,
    );
  });
}
