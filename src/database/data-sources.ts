import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';

import { AppError } from '../errors.ts';
import type { DataKeys } from '../jobs/data-keys.ts';
import type { DataSourceEntry, DataSources, DataSourceSecrets, DataSourceSettings } from '../jobs/data-sources.ts';
import { writeAudit } from './audit-log.ts';
import { reachable } from './outage.ts';
import type { Database } from './schema.ts';

/** Of one tenant. */
const most = 100;

export interface SecretSealing {
  /** undefined: there is no encryption, and so nowhere to put secrets. */
  keys: DataKeys | undefined;
  seal: (key: Uint8Array, plain: Uint8Array, context: string) => Uint8Array;
  open: (key: Uint8Array, sealed: Uint8Array, context: string) => Uint8Array;
  tagOf: (tenant: string) => string;
  /** Sealed secrets are bound to it: whoever can write into the table can't lead them elsewhere. */
  destinationOf: (settings: DataSourceSettings) => string;
}

type Row = Selectable<Database['dataSources']>;
type Sealed = Pick<Row, 'keyId' | 'sealed' | 'secretNames'>;

const settingsOf = ({ settings }: Pick<Row, 'settings'>) => JSON.parse(settings) as DataSourceSettings;

function entryOf(row: Row): DataSourceEntry {
  const { name, version, description, changedAt, secretNames } = row;
  return { name, version, description, changedAt, settings: settingsOf(row), secretNames: JSON.parse(secretNames) as string[] };
}

const namesOf = ({ password, headers = {} }: DataSourceSecrets): string[] => [
  ...(password === undefined ? [] : ['password']),
  ...Object.keys(headers),
];

/** One after the other for each tenant, for as long as the transaction takes. */
async function lock(transaction: Transaction<Database>, tenant: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`data sources ${tenant}`}, 0))`.execute(transaction);
}

export function createDataSourceStore(db: Kysely<Database>, { keys, seal, open, tagOf, destinationOf }: SecretSealing): DataSources {
  const contextOf = (tenant: string, name: string, keyId: string, settings: DataSourceSettings) =>
    ['handoff data source 1', tenant, name, keyId, destinationOf(settings)].join('\n');
  const named = (from: Pick<Kysely<Database>, 'selectFrom'>, tenant: string, name: string) =>
    from.selectFrom('dataSources').selectAll().where('tenant', '=', tenant).where('name', '=', name).executeTakeFirst();

  async function sealed(tenant: string, name: string, settings: DataSourceSettings, secrets: DataSourceSecrets): Promise<Sealed> {
    const names = namesOf(secrets);
    const secretNames = JSON.stringify(names);
    if (names.length === 0) return { keyId: null, sealed: null, secretNames };
    if (keys === undefined)
      throw new AppError('encryption_needed', 'Secrets are stored encrypted only, and this installation has no encryption keys.');
    const { id, key } = await keys.current(tagOf(tenant));
    const bytes = seal(key, Buffer.from(JSON.stringify(secrets)), contextOf(tenant, name, id, settings));
    return { keyId: id, sealed: Buffer.from(bytes).toString('base64'), secretNames };
  }

  async function opened(row: Row): Promise<DataSourceSecrets> {
    if (row.keyId === null || row.sealed === null) return {};
    const found = await keys?.find(tagOf(row.tenant), row.keyId);
    try {
      if (found === undefined) throw new Error('The key is unknown or was destroyed');
      const context = contextOf(row.tenant, row.name, row.keyId, settingsOf(row));
      return JSON.parse(Buffer.from(open(found.key, Buffer.from(row.sealed, 'base64'), context)).toString()) as DataSourceSecrets;
    } catch {
      throw new AppError('data_source_configuration', 'The secrets of the data source can not be decrypted: put them again.', {
        retryable: true,
      });
    }
  }

  return {
    async put({ tenant, name, settings, description, secrets, ifVersion }, entry) {
      const fresh = secrets && (await sealed(tenant, name, settings, secrets));
      const outcome = await reachable(() =>
        db.transaction().execute(async (transaction): Promise<{ made: boolean; row: Row } | { version: number } | 'full'> => {
          await lock(transaction, tenant);
          const old = await named(transaction, tenant, name);
          if (ifVersion !== undefined && ifVersion !== (old?.version ?? 0)) return { version: old?.version ?? 0 };
          if (old === undefined && (await countOf(transaction, tenant)) >= most) return 'full';
          const { keyId, sealed: bytes, secretNames } = fresh ?? old ?? { keyId: null, sealed: null, secretNames: '[]' };
          const values = { description, settings: JSON.stringify(settings), keyId, sealed: bytes, secretNames };
          const version = (old?.version ?? 0) + 1;
          await writeAudit(transaction, {
            ...entry,
            tenant,
            target: name,
            details: { version, kind: settings.kind, secrets: fresh !== undefined },
          });
          const row = await transaction
            .insertInto('dataSources')
            .values({ tenant, name, version, ...values })
            .onConflict((conflict) =>
              conflict.columns(['tenant', 'name']).doUpdateSet({ version, ...values, changedAt: sql`clock_timestamp()` }),
            )
            .returningAll()
            .executeTakeFirstOrThrow();
          return { made: old === undefined, row };
        }),
      );
      if (outcome === 'full')
        throw new AppError('limit_exceeded', `A tenant has at most ${String(most)} data sources.`, { limit: 'dataSources' });
      if ('version' in outcome) throw new AppError('precondition_failed', `It has changed meanwhile: ${versionText(outcome.version)}.`);
      return { made: outcome.made, source: entryOf(outcome.row) };
    },

    find: (tenant, name) =>
      reachable(async () => {
        const row = await named(db, tenant, name);
        return row && entryOf(row);
      }),

    list: (tenant) =>
      reachable(async () =>
        (await db.selectFrom('dataSources').selectAll().where('tenant', '=', tenant).orderBy('name').limit(most).execute()).map(entryOf),
      ),

    async open(tenant, name) {
      const row = await reachable(() => named(db, tenant, name));
      return row && { ...entryOf(row), secrets: await opened(row) };
    },

    remove: (tenant, name, entry) =>
      reachable(() =>
        db.transaction().execute(async (transaction) => {
          const these = transaction.deleteFrom('dataSources').where('tenant', '=', tenant).where('name', '=', name);
          const { numDeletedRows } = await these.executeTakeFirst();
          if (numDeletedRows > 0n) await writeAudit(transaction, { ...entry, tenant, target: name });
          return numDeletedRows > 0n;
        }),
      ),
  };
}

const versionText = (version: number) => (version === 0 ? 'there is none' : `the version is ${String(version)}`);

async function countOf(transaction: Transaction<Database>, tenant: string): Promise<number> {
  const counted = transaction.selectFrom('dataSources').select(({ fn }) => fn.countAll().as('count'));
  return Number((await counted.where('tenant', '=', tenant).executeTakeFirstOrThrow()).count);
}
