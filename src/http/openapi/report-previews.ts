import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { reportCall } from '../../jobs/report-call.ts';
import { definitionPreview } from '../report-previews.ts';
import { examplesOf } from './examples.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { nameParameterOf } from './versions.ts';

const cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const preview = z
  .object({
    columns: z.array(z.object({ name: z.string(), title: z.string(), type: z.string() })),
    rows: z.array(z.array(cell)).meta({ description: 'At most 100, each with its cells in the order of `columns`.' }),
    more: z.boolean().meta({ description: 'There are more rows.' }),
    columnsLeftOut: z.int().meta({ description: 'How many columns there are behind these: more had no room.' }),
    cut: z.array(z.array(z.int())).meta({ description: 'Row and column, from 0, of each text that has only its beginning here.' }),
    elapsedMs: z.int(),
  })
  .meta({ id: 'ReportPreview' });

const example: z.infer<typeof preview> = {
  columns: [
    { name: 'city', title: 'City', type: 'text' },
    { name: 'total', title: 'Total', type: 'number' },
  ],
  rows: [['Oslo', 12.5]],
  ...{ more: false, columnsLeftOut: 0, cut: [], elapsedMs: 84 },
};

const previewRequest = reportCall.meta({
  id: 'ReportPreviewRequest',
  description: 'As `POST /v1/reports`; `title` and `outputs` may be left out.',
  examples: examplesOf(reportCall),
});

const common = { method: 'post', scope: 'submit', tag: 'Report definitions' } as const;
const answers = { 200: answer('The first rows.', preview, { headers: ['Cache-Control'], examples: { sales: example } }) };
const problems = [
  ...(['invalid_request', 'secret_in_request', 'malformed_json', 'unsupported_media_type', 'payload_too_large'] as const),
  ...(['file_not_found', 'file_quarantined', 'file_rejected', 'definition_not_found', 'limit_exceeded'] as const),
  ...(['source_unreadable', 'source_too_large', 'query_invalid', 'query_timeout', 'query_too_large'] as const),
  ...(['temporal_unavailable', 'storage_unavailable', 'worker_unavailable', 'overloaded', 'job_failed'] as const),
];
const body = (schema: z.ZodType, required: boolean) => ({
  required,
  content: { 'application/json': { schema, examples: { example: { value: examplesOf(schema)[0] } } } },
});

export function describeReportPreviews(registry: OpenAPIRegistry): void {
  describeRoute(registry, {
    ...{ ...common, path: '/v1/reports/preview', operationId: 'previewReport' },
    summary: 'The first rows of a report',
    description: 'A worker makes them at once. Nothing is kept.',
    request: { body: body(previewRequest, true) },
    answers,
    problems,
  });
  describeRoute(registry, {
    ...{ ...common, path: '/v1/report-definitions/{name}/preview', operationId: 'previewReportDefinition' },
    summary: 'The first rows of a report by a definition',
    description: 'A worker makes them at once. Nothing is kept.',
    request: { params: nameParameterOf('sales-by-city'), body: body(definitionPreview, false) },
    answers,
    problems: [...problems, 'not_found'],
  });
}
