// A resource more: src/http/openapi/<resource>.ts exports `describe<Resource>(registry: OpenAPIRegistry): void`, which calls `describeRoute` (openapi/route.ts) once for each route; name it in `resources` below.
import { OpenAPIRegistry, OpenApiGeneratorV31 } from '@asteasolutions/zod-to-openapi';

import { describeApiKeys } from './openapi/api-keys.ts';
import { describeAuditLog } from './openapi/audit-log.ts';
import { describeCodec } from './openapi/codec.ts';
import { describeDataSources } from './openapi/data-sources.ts';
import { describeUploadPresets } from './openapi/upload-presets.ts';
import { describeEmailTemplates } from './openapi/email-templates.ts';
import { describeExplain } from './openapi/explain.ts';
import { describeBulkActions } from './openapi/bulk-actions.ts';
import { describeEmailBatches } from './openapi/email-batches.ts';
import { describeFiles } from './openapi/files.ts';
import { responseHeaders } from './openapi/headers.ts';
import { describeJobActions } from './openapi/job-actions.ts';
import { describeJobLists } from './openapi/job-lists.ts';
import { describeJobEvents } from './openapi/job-events.ts';
import { describeJobTokens } from './openapi/job-tokens.ts';
import { describeJobs } from './openapi/jobs.ts';
import { describeLimits } from './openapi/limits.ts';
import { describeMailProviders } from './openapi/mail-providers.ts';
import { describeMailEvents } from './openapi/mail-events.ts';
import { describePresignedUploads } from './openapi/presigned-uploads.ts';
import { problemExamples } from './openapi/responses.ts';
import { tags } from './openapi/route.ts';
import { describeTemplatePreview } from './openapi/template-preview.ts';
import { describeReportDefinitions } from './openapi/report-definitions.ts';
import { describeReportPreviews } from './openapi/report-previews.ts';
import { describeService } from './openapi/service.ts';
import { describeRawUploads } from './openapi/raw-uploads.ts';
import { describeSubmissions } from './openapi/submissions.ts';
import { describeSuppressions } from './openapi/suppressions.ts';
import { describeTusUploads } from './openapi/tus-uploads.ts';

const resources = [
  describeSubmissions,
  describeRawUploads,
  describeTusUploads,
  describePresignedUploads,
  describeJobLists,
  describeJobs,
  describeJobEvents,
  describeJobActions,
  describeExplain,
  describeJobTokens,
  describeBulkActions,
  describeEmailBatches,
  describeFiles,
  describeApiKeys,
  describeAuditLog,
  describeCodec,
  describeLimits,
  describeMailProviders,
  describeDataSources,
  describeEmailTemplates,
  describeUploadPresets,
  describeTemplatePreview,
  describeReportDefinitions,
  describeReportPreviews,
  describeSuppressions,
  describeMailEvents,
  describeService,
];

const description = `Background jobs on Temporal: e-mail, reports and uploads.

All paths below \`/v1\` need \`Authorization: Bearer <API key>\`, but for the few that say otherwise. A key belongs to one tenant; what belongs to others is \`404\`.
A key has scopes: \`submit\`, \`read\`, \`operate\` or \`admin\`, which includes the others. Each operation says which one it needs; without it the answer is \`403\`.
\`HEAD\` works wherever \`GET\` does. A method that a path does not have is answered with \`405\` and \`Allow\`, a path that does not exist with \`404\`.
Requests are limited: \`RateLimit\` and \`RateLimit-Policy\` say how many are left. More are \`429\` with \`Retry-After\`.
Every error is \`application/problem+json\` (RFC 9457).
On every path: what is not well-formed HTTP/1.1 is \`400\` \`malformed_request\`, what does not arrive in time \`408\`, an address over 8,192 characters \`414\`, more than 100 headers or 16 KiB of them \`431\`; \`400\`, \`408\` and \`431\` of these close the connection.`;

/** Components that something refers to: a header or code that no route has yet is not described. */
function referred<T>(kind: string, components: Record<string, T>, text: string): Record<string, T> {
  return Object.fromEntries(Object.entries(components).filter(([name]) => text.includes(`"#/components/${kind}/${name}"`)));
}

/** So that the order in which resources are added changes nothing. */
function sorted<T>(named: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(named).sort(([one], [other]) => (one < other ? -1 : 1)));
}

let document: object | undefined;

/** OpenAPI 3.1, made from the schemas that validate: once, since that takes about as long as everything else at a start. */
export function openApiDocument(): object {
  return (document ??= madeDocument());
}

function madeDocument(): object {
  const registry = new OpenAPIRegistry();
  const bearer = 'An API key; or, where an identity provider is configured, one of its access tokens (JWT).';
  registry.registerComponent('securitySchemes', 'apiKey', { type: 'http', scheme: 'bearer', description: bearer });
  const token = 'A token of one job, from `POST /v1/jobs/{id}/tokens`.';
  registry.registerComponent('securitySchemes', 'jobToken', { type: 'http', scheme: 'bearer', description: token });
  for (const describe of resources) describe(registry);
  const generated = new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: { title: 'Handoff', version: '0.1.0', description, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    tags: Object.entries(tags).map(([name, about]) => ({ name, description: about })),
  });
  const text = JSON.stringify(generated);
  const { schemas, securitySchemes } = generated.components ?? {};
  const { openapi, info, servers, tags: about, paths } = generated;
  return {
    openapi,
    info,
    servers,
    tags: about,
    paths: sorted(paths ?? {}),
    components: {
      securitySchemes,
      schemas: sorted(schemas ?? {}),
      headers: sorted(referred('headers', responseHeaders, text)),
      examples: sorted(referred('examples', problemExamples, text)),
    },
  };
}
