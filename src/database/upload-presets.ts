import type { Kysely } from 'kysely';

import type { PresetSource, PresetStore, PresetVersion } from '../jobs/upload-presets.ts';
import type { Database } from './schema.ts';
import { createVersions, entryOf } from './versions.ts';

export function createPresetStore(db: Kysely<Database>): PresetStore {
  const versions = createVersions<PresetSource, PresetVersion, object>(db, {
    table: 'uploadPresets',
    kind: 'upload preset',
    versionOf: ({ source, ...entry }) => ({ ...entryOf(entry), source: JSON.parse(source) as PresetSource }),
  });
  return { ...versions, put: (version, entry) => versions.put({ ...version, own: {} }, entry) };
}
