import type { Kysely } from 'kysely';

import type { DefinitionStore, DefinitionVersion, ReportDefinition } from '../jobs/report-definitions.ts';
import type { Database } from './schema.ts';
import { createVersions, entryOf } from './versions.ts';

export function createDefinitionStore(db: Kysely<Database>): DefinitionStore {
  const versions = createVersions<ReportDefinition, DefinitionVersion, object>(db, {
    table: 'reportDefinitions',
    kind: 'report definition',
    versionOf: ({ source, ...entry }) => ({ ...entryOf(entry), source: JSON.parse(source) as ReportDefinition }),
  });
  return { ...versions, put: (version, entry) => versions.put({ ...version, own: {} }, entry) };
}
