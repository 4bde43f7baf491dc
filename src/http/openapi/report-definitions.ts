import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { reportDefinition } from '../../jobs/report-definitions.ts';
import { orNull } from './schemas.ts';
import { describeVersions } from './versions.ts';

const content = Object.entries(reportDefinition.shape)
  .filter(([name]) => name !== 'description')
  .map(([name, field]) => [name, field instanceof z.ZodOptional ? orNull(field.unwrap() as z.ZodType) : field]);

export function describeReportDefinitions(registry: OpenAPIRegistry): void {
  describeVersions(registry, {
    tag: 'Report definitions',
    path: '/report-definitions',
    noun: { one: 'a report definition', many: 'report definitions' },
    named: { one: 'ReportDefinition', many: 'ReportDefinitions' },
    name: 'sales-by-city',
    request: reportDefinition,
    content: Object.fromEntries(content) as z.ZodRawShape,
    checked: 'The query is read: one `SELECT`, over tables of the source if there is one, with the parameters that are declared.',
    problems: ['query_invalid', 'overloaded'],
    removed: 'No new job can have it. Jobs that were taken before make their reports as they would have.',
  });
}
