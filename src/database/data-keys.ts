import { randomBytes } from 'node:crypto';
import type { Kysely, Selectable } from 'kysely';

import type { DataKey, DataKeys, KeyWrapper } from '../jobs/data-keys.ts';
import { reachable } from './outage.ts';
import { renewing } from './renewing.ts';
import type { Database } from './schema.ts';

/** After this a tenant gets another key to write with: what one key can tell, and how often it is used, stays bounded. In milliseconds. */
const writesForMs = 90 * 86_400_000;

/** For the operators of the installation. */
export interface DataKeyStore extends DataKeys {
  /** A new key to write with, for one tag or for all that have one. What was written stays readable. @returns how many. */
  rotate(tag?: string): Promise<number>;
  /** Encrypts the keys again, by the newest master key: afterwards the older ones are not needed any more. @returns how many it changed. */
  rewrap(): Promise<number>;
  /** Ends every key of the tag: what was written with them is unreadable from then on, in backups of Temporal, too. @returns how many. */
  destroy(tag: string): Promise<number>;
  /** Ids of the master keys that are needed to read. */
  masterKeysInUse(): Promise<string[]>;
}

type Row = Pick<Selectable<Database['dataKeys']>, 'id' | 'tag' | 'masterKeyId' | 'wrapped' | 'createdAt'>;

const columns = ['id', 'tag', 'masterKeyId', 'wrapped', 'createdAt'] as const;

/** A data key works for its own tag only, whatever is written into the table. */
const contextOf = ({ id, tag }: Pick<Row, 'id' | 'tag'>): string => `handoff data key ${tag} ${id}`;

export function createDataKeys(db: Kysely<Database>, wrapper: KeyWrapper, { now = Date.now }: { now?: () => number } = {}): DataKeyStore {
  /** By its id; asking a key service takes time, and a key never changes. */
  const unwrapped = new Map<string, Uint8Array>();

  async function opened(row: Row): Promise<DataKey | undefined> {
    const { id, masterKeyId, wrapped } = row;
    if (wrapped === null) {
      unwrapped.delete(id);
      return undefined;
    }
    const key = unwrapped.get(id) ?? (await wrapper.unwrap({ masterKeyId, wrapped }, contextOf(row)));
    unwrapped.set(id, key);
    return { id, key };
  }

  async function make(tag: string): Promise<Row> {
    const id = `dk_${randomBytes(13).toString('hex')}`;
    const wrapped = await wrapper.wrap(randomBytes(32), contextOf({ id, tag }));
    return reachable(() =>
      db
        .insertInto('dataKeys')
        .values({ id, tag, ...wrapped })
        .returning(columns)
        .executeTakeFirstOrThrow(),
    );
  }

  const alive = () => db.selectFrom('dataKeys').where('wrapped', 'is not', null);

  const writing = renewing(async (tag) => {
    const newest = await reachable(() =>
      alive().select(columns).where('tag', '=', tag).orderBy('createdAt', 'desc').orderBy('id', 'desc').limit(1).executeTakeFirst(),
    );
    const good = newest !== undefined && now() - newest.createdAt.getTime() < writesForMs;
    const key = await opened(good ? newest : await make(tag));
    if (key === undefined) throw new Error('A data key was destroyed while it was read');
    return key;
  }, now);

  const reading = renewing(async (id) => {
    const row = await reachable(() => db.selectFrom('dataKeys').select(columns).where('id', '=', id).executeTakeFirst());
    const key = row && (await opened(row));
    return key && { tag: row.tag, ...key };
  }, now);

  function forget(): void {
    writing.forget();
    reading.forget();
    unwrapped.clear();
  }

  return {
    current: (tag) => writing.get(tag),

    async find(tag, id) {
      const found = await reading.get(id);
      return found?.tag === tag ? found : undefined;
    },

    async rotate(tag) {
      const tags = tag === undefined ? (await reachable(() => alive().select('tag').distinct().execute())).map((row) => row.tag) : [tag];
      for (const one of tags) await make(one);
      forget();
      return tags.length;
    },

    async rewrap() {
      const old = await reachable(() => alive().select(columns).where('masterKeyId', '!=', wrapper.writesWith).execute());
      for (const row of old) {
        if (row.wrapped === null) continue;
        const key = await wrapper.unwrap({ masterKeyId: row.masterKeyId, wrapped: row.wrapped }, contextOf(row));
        const fresh = await wrapper.wrap(key, contextOf(row));
        // One that was destroyed meanwhile stays so.
        await reachable(() => db.updateTable('dataKeys').set(fresh).where('id', '=', row.id).where('wrapped', 'is not', null).execute());
      }
      return old.length;
    },

    async destroy(tag) {
      const gone = await reachable(() =>
        db
          .updateTable('dataKeys')
          .set({ wrapped: null, destroyedAt: new Date(now()) })
          .where('tag', '=', tag)
          .where('wrapped', 'is not', null)
          .returning('id')
          .execute(),
      );
      forget();
      return gone.length;
    },

    masterKeysInUse: async () => (await reachable(() => alive().select('masterKeyId').distinct().execute())).map((row) => row.masterKeyId),
  };
}
