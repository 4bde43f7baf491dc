import { z } from 'zod';

import { type ReportRequest, reportRequest } from './report.ts';
import { reportQuery } from './report-query.ts';
import { singleLine } from './single-line.ts';
import type { NewVersion, VersionEntry, VersionStore } from './versions.ts';

/** In bytes, as JSON. Many rows belong into a file. */
const maxDefinitionBytes = 256 * 1024;

/** Stands for what a call has to bring, where the rest is looked at. */
const anySource: ReportRequest['source'] = { fileId: 'file_a' };

/**
 * Body of `PUT /v1/report-definitions/{name}`: whatever a request may say, but for the values of parameters; where the rows come
 * from may be left to the call.
 */
export const reportDefinition = z
  .strictObject({
    ...reportRequest.shape,
    source: reportRequest.shape.source.optional().meta({ description: 'Default: each call brings its own.' }),
    query: reportQuery.omit({ parameters: true }).optional(),
    description: singleLine.max(500).optional(),
  })
  .superRefine((definition, context) => {
    if (Buffer.byteLength(JSON.stringify(definition)) > maxDefinitionBytes)
      context.addIssue({ code: 'custom', path: [], message: 'has more than 256 KiB: put rows into a file' });
    // What fields say only together.
    const whole = reportRequest.safeParse(requestOf(definition, { source: definition.source ?? anySource }));
    for (const issue of whole.error?.issues ?? []) context.addIssue({ code: 'custom', path: issue.path, message: issue.message });
  })
  .meta({
    id: 'ReportDefinitionRequest',
    examples: [
      {
        title: 'Sales by city',
        query: {
          sql: 'select city, sum(amount) as total from source where day >= $since group by city order by city',
          parametersSchema: { properties: { since: { type: 'string', format: 'date' } }, required: ['since'] },
        },
        outputs: [{ format: 'xlsx' }],
      },
    ],
  });

export type ReportDefinition = z.infer<typeof reportDefinition>;

/** Without what only a definition has. @param changes stand in the place of what it says */
export function requestOf(definition: ReportDefinition, changes: object): Record<string, unknown> {
  return { ...Object.fromEntries(Object.entries(definition).filter(([field]) => field !== 'description')), ...changes };
}

export interface DefinitionVersion extends VersionEntry {
  source: ReportDefinition;
}

/** Of a tenant. */
export type DefinitionStore = VersionStore<DefinitionVersion, NewVersion<ReportDefinition>>;

/** What submissions ask of the definitions of their tenant. */
export type Definitions = Pick<DefinitionStore, 'find'>;
