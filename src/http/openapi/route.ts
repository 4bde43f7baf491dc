import type { OpenAPIRegistry, ResponseConfig, RouteConfig } from '@asteasolutions/zod-to-openapi';

import type { ErrorCode } from '../../errors.ts';
import type { KeyScope } from '../../jobs/api-keys.ts';
import { rateLimitHeaders } from './headers.ts';
import { problemsFor } from './responses.ts';

export const tags = {
  Submissions: 'Starting a job: one collection for each job type.',
  Jobs: 'Reading, watching and steering jobs, whatever their type.',
  Files: 'What was uploaded, and what jobs have made.',
  'Data sources': 'Where the rows of reports come from, with secrets that nobody gets to see again.',
  'E-mail templates': 'What messages look like, by name and version.',
  'Report definitions': 'What reports are made of, by name and version, and what they would show.',
  'Upload presets': 'What is taken, and what is made of it, by name and version.',
  'API keys': 'Who may call, and what for.',
  'Audit log': 'What operators and admins have done.',
  Encryption: 'What is stored is encrypted; this reads it for Temporal’s own tools.',
  Limits: 'How much a tenant may use.',
  'Mail providers': 'The ways on which mail leaves.',
  Suppressions: 'Who gets no mail, and how they come on that list.',
  Service: 'For monitoring and for readers. Needs no key.',
} as const;

export interface DescribedRoute {
  method: RouteConfig['method'];
  /** With the parameters as `{id}`. */
  path: string;
  /** camelCase, unique: the name of a method in generated clients. */
  operationId: string;
  /** That the API key must have; null: no key is needed. */
  scope: KeyScope | null;
  tag: keyof typeof tags;
  summary: string;
  description?: string;
  request?: NonNullable<RouteConfig['request']>;
  /** By status; problems are added to them. */
  answers: Record<number, ResponseConfig>;
  /** Beside those that every route has: see below. */
  problems?: readonly ErrorCode[];
  /** A token of the job will do, too. */
  jobToken?: boolean;
  /** It also works without a key. */
  keyIsOptional?: boolean;
}

function withHeaders(more: object, responses: Record<string, ResponseConfig>): Record<string, ResponseConfig> {
  return Object.fromEntries(
    Object.entries(responses).map(([status, response]) => [status, { ...response, headers: Object.assign({}, response.headers, more) }]),
  );
}

/** Adds what all routes have, all routes with a key have, and all routes with a parameter in their path have. */
export function describeRoute(registry: OpenAPIRegistry, route: DescribedRoute): void {
  const {
    method,
    path,
    operationId,
    scope,
    tag,
    summary,
    description,
    request,
    answers,
    problems = [],
    jobToken = false,
    keyIsOptional = false,
  } = route;
  const about = [...(description === undefined ? [] : [description]), ...(scope === null ? [] : [`Scope: \`${scope}\`.`])];
  registry.registerPath({
    method,
    path,
    operationId,
    tags: [tag],
    summary,
    ...(about.length > 0 && { description: about.join('\n\n') }),
    // OpenAPI 3.1: for a scheme that is not OAuth, these are the roles that are needed.
    security: scope === null ? [] : [{ apiKey: [scope] }, ...(jobToken ? [{ jobToken: [] }] : []), ...(keyIsOptional ? [{}] : [])],
    ...(request && { request }),
    responses: withHeaders(scope === null ? {} : rateLimitHeaders, {
      ...answers,
      ...problemsFor([
        ...(path.includes('{') ? (['invalid_request'] as const) : []),
        ...problems,
        ...(scope === null
          ? []
          : (['unauthorized', 'insufficient_scope', 'database_unavailable', 'identity_provider_unavailable', 'rate_limited'] as const)),
        'method_not_allowed',
        'internal_error',
      ]),
    }),
  });
}
