import type { Router } from 'express';

import { assertQuery, type ReadQuery, tableNamesOf } from '../jobs/query-check.ts';
import { type DefinitionStore, reportDefinition } from '../jobs/report-definitions.ts';
import { assertTableParameters, namesInTables } from '../jobs/table-parameters.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import type { RefuseSecrets } from './secrets-in-request.ts';
import { validated } from './validation.ts';
import { versionRoutes } from './versions.ts';

export interface DefinitionDependencies {
  definitions: DefinitionStore;
  readQuery: ReadQuery;
  tenantKeys: TenantKeys;
  refuseSecrets: RefuseSecrets;
}

export const definitionNoun = 'report definition';
const fields = Object.keys(reportDefinition.shape).filter((field) => field !== 'description');

/** The report definitions of the caller's own tenant, and their versions. */
export function reportDefinitions({ definitions, readQuery, tenantKeys, refuseSecrets }: DefinitionDependencies): Router {
  return versionRoutes({
    path: '/report-definitions',
    noun: definitionNoun,
    actions: { put: 'report_definition.put', delete: 'report_definition.delete' },
    store: definitions,
    tenantKeys,
    async put({ body, ...asked }, entry) {
      const source = validated(reportDefinition, body);
      refuseSecrets(body);
      const { query } = source;
      // Without a declaration there is none: what a call may say must stand somewhere.
      if (query)
        await assertQuery(
          readQuery,
          { ...query, parametersSchema: query.parametersSchema ?? { properties: {} } },
          tableNamesOf(source.source),
          namesInTables(source.source),
        );
      assertTableParameters(source.source, Object.keys(query?.parametersSchema?.properties ?? {}));
      return definitions.put({ ...asked, source }, entry);
    },
    contentOf: ({ source }) => Object.fromEntries(fields.map((field) => [field, source[field as keyof typeof source] ?? null])),
  });
}
