import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { type Kysely, sql } from 'kysely';

import { removeTenant } from '../../src/database/erase-tenant.ts';
import { uploadPresets } from '../../src/database/migrations/0014-upload-presets.ts';
import { presetEntries } from '../../src/database/migrations/0016-preset-entries.ts';
import type { Database } from '../../src/database/schema.ts';
import { createPresetStore } from '../../src/database/upload-presets.ts';
import type { PresetSource } from '../../src/jobs/upload-presets.ts';
import { anEntry } from '../support/audit.ts';

const entry = anEntry({ action: 'upload_preset.put' });

/** What upload presets have beside what e-mail templates, with the same store, show. */
export function presetBehaviour(open: () => Kysely<Database>): void {
  test('keeps upload presets and their versions, and erases them with their tenant', async () => {
    const store = createPresetStore(open());
    const tenant = 'presets';
    const put = (source: PresetSource) => store.put({ tenant, name: 'avatar', source }, entry);
    const source: PresetSource = { accept: ['image/*'], description: 'Grüße 🦌' };
    await put({});
    await put(source);
    expect(await put(source)).toMatchObject({ made: false, version: { version: 2 } });
    expect(await store.find(tenant, 'avatar')).toMatchObject({ name: 'avatar', version: 2, description: 'Grüße 🦌', source });
    const { items } = await store.versions(tenant, 'avatar', { limit: 5 });
    expect(items.map(({ version, description }) => [version, description])).toEqual([
      [2, 'Grüße 🦌'],
      [1, null],
    ]);
    await removeTenant(open(), tenant);
    expect(await store.find(tenant, 'avatar')).toBeUndefined();
  });

  test('gives upload presets that were there already what all versions have', async () => {
    const done = new Error('undo');
    const sources = ['{"maxBytes":5}', '{"description":"Grüße 🦌 \\"quoted\\""}', '{"description":"half \\ud83e"}', '{"maxBytes":5}'];
    const rows: Record<string, unknown>[] = [];
    const migrated = open()
      .transaction()
      .execute(async (db) => {
        await sql`create schema before_entries`.execute(db);
        await sql`set local search_path to before_entries`.execute(db);
        await uploadPresets.up(db);
        for (const [index, source] of sources.entries())
          await sql`insert into upload_presets (tenant, name, version, source) values ('acme', 'avatar', ${index + 1}, ${source})`.execute(
            db,
          );
        await presetEntries.up(db);
        rows.push(...(await db.selectFrom('uploadPresets').selectAll().orderBy('version').execute()));
        throw done;
      });
    await expect(migrated).rejects.toBe(done);
    const digestOf = (source: string) => createHash('sha256').update(source).digest('hex');
    expect(rows.map(({ source, digest }) => [source, digest])).toEqual(sources.map((source) => [source, digestOf(source)]));
    expect(rows.map(({ description }) => description)).toEqual([null, 'Grüße 🦌 "quoted"', 'half \ufffd', null]);
  });
}
