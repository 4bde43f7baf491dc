import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { Kysely } from 'kysely';

import { createDataKeys } from '../../../src/database/data-keys.ts';
import { openDatabase } from '../../../src/database/open.ts';
import type { Database } from '../../../src/database/schema.ts';
import { createMasterKeys } from '../../../src/encryption/master-keys.ts';
import { pgliteDirectory } from '../../support/pglite.ts';

const [master, newer] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
const minute = 60_000;

let directory: string;
let db: Kysely<Database>;
let later: number;
let number = 0;
let tag: string;

const store = (...masterKeys: string[]) =>
  createDataKeys(db, createMasterKeys(masterKeys.length === 0 ? [master] : masterKeys), { now: () => Date.now() + later });

beforeAll(async () => {
  directory = await pgliteDirectory();
  db = await openDatabase({ directory });
});
afterAll(async () => {
  await db.destroy();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  await db.deleteFrom('dataKeys').execute();
  later = 0;
  tag = `tag${String(number++)}`;
});

describe('data keys', () => {
  test('one is made when it is first needed, and is the same for every process', async () => {
    const made = await store().current(tag);
    expect(made.id).toMatch(/^dk_[0-9a-f]{26}$/);
    expect(made.key).toHaveLength(32);
    const other = store();
    expect(await other.current(tag)).toEqual(made);
    expect(await other.find(tag, made.id)).toMatchObject(made);
  });

  test('none lies readable in the database', async () => {
    const { id, key } = await store().current(tag);
    const row = await db.selectFrom('dataKeys').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    expect(Buffer.from(String(row.wrapped), 'base64').includes(Buffer.from(key))).toBe(false);
  });

  test("a key is not found under another tenant's tag, nor works there when the table is changed", async () => {
    const { id } = await store().current(tag);
    expect(await store().find('other', id)).toBeUndefined();
    await db
      .updateTable('dataKeys')
      .set({ tag: `${tag}x` })
      .where('id', '=', id)
      .execute();
    await expect(store().find(`${tag}x`, id)).rejects.toThrow();
  });

  test('in use it costs no query; after a rotation elsewhere the new one writes within a minute, and the old one is still read', async () => {
    const keys = store();
    const old = await keys.current(tag);
    expect(await store().rotate(tag)).toBe(1);
    later = 20_000;
    expect(await keys.current(tag)).toEqual(old);
    later = minute;
    const fresh = await keys.current(tag);
    expect(fresh.id).not.toBe(old.id);
    expect(await keys.find(tag, old.id)).toMatchObject(old);
  });

  test('a key writes for 90 days', async () => {
    const keys = store();
    const old = await keys.current(tag);
    later = 90 * 86_400_000;
    expect((await keys.current(tag)).id).not.toBe(old.id);
    expect(await keys.find(tag, old.id)).toMatchObject(old);
  });

  test('a destroyed key is gone for every process within a minute, and does not come back', async () => {
    const [keys, operator] = [store(), store()];
    const { id } = await keys.current(tag);
    await keys.find(tag, id);
    expect(await operator.destroy(tag)).toBe(1);
    expect(await operator.find(tag, id)).toBeUndefined();
    later = minute;
    expect(await keys.find(tag, id)).toBeUndefined();
    expect((await keys.current(tag)).id).not.toBe(id);
    expect(await db.selectFrom('dataKeys').select(['wrapped']).where('id', '=', id).executeTakeFirst()).toEqual({ wrapped: null });
  });

  test('after a change of the master key everything is read; once all are wrapped again the old one is not needed', async () => {
    const old = await store().current(tag);
    const both = store(newer, master);
    expect(await both.find(tag, old.id)).toMatchObject(old);
    expect(await both.rewrap()).toBeGreaterThan(0);
    expect(await both.masterKeysInUse()).toEqual([createMasterKeys([newer]).writesWith]);
    expect(await store(newer).find(tag, old.id)).toMatchObject(old);
  });

  test('with the database away, what is known goes on being used', async () => {
    const place = await pgliteDirectory();
    const gone = await openDatabase({ directory: place });
    const keys = createDataKeys(gone, createMasterKeys([master]), { now: () => Date.now() + later });
    const known = await keys.current(tag);
    await gone.destroy();
    await rm(place, { recursive: true, force: true });
    later = 10 * minute;
    expect(await keys.current(tag)).toEqual(known);
    await expect(keys.current('unknown')).rejects.toMatchObject({ code: 'database_unavailable' });
  });
});
