import type { AuditLog } from '../../src/jobs/audit.ts';
import type { Previews } from '../../src/jobs/previews.ts';
import type { ReadQuery } from '../../src/jobs/query-check.ts';
import type { DefinitionVersion } from '../../src/jobs/report-definitions.ts';
import { testVersions } from './versions.ts';

export const testDefinitions = (audit: Pick<AuditLog, 'record'>) => testVersions<DefinitionVersion>(audit);

/** Takes everything for a query: the real one loads DuckDB. */
export const parametersOf: ReadQuery = (sql) => Promise.resolve([...new Set([...sql.matchAll(/\$(\w+)/g)].map(([, name = '']) => name))]);

export const emptyPreview: Previews['preview'] = () =>
  Promise.resolve({ columns: [], rows: [], more: false, columnsLeftOut: 0, cut: [], elapsedMs: 0 });
