import type { OpenAPIRegistry, ResponseConfig, RouteConfig } from '@asteasolutions/zod-to-openapi';

import type { ErrorCode } from '../../errors.ts';
import { problemsFor } from './responses.ts';

export const tags = {
  Submissions: 'Starting a job: one collection for each job type.',
  Jobs: 'Reading, watching and steering jobs, whatever their type.',
  Files: 'What was uploaded, and what jobs have made.',
  Service: 'For monitoring and for readers. Needs no key.',
} as const;

export interface DescribedRoute {
  method: RouteConfig['method'];
  /** With the parameters as `{id}`. */
  path: string;
  /** camelCase, unique: the name of a method in generated clients. */
  operationId: string;
  tag: keyof typeof tags;
  summary: string;
  description?: string;
  request?: NonNullable<RouteConfig['request']>;
  /** By status; problems are added to them. */
  answers: Record<number, ResponseConfig>;
  /** Beside those that every route has: see below. */
  problems?: readonly ErrorCode[];
  /** It also works without a key. */
  keyIsOptional?: boolean;
}

/** Adds what all routes have, all routes with a key have, and all routes with a parameter in their path have. */
export function describeRoute(registry: OpenAPIRegistry, route: DescribedRoute): void {
  const { method, path, operationId, tag, summary, description, request, answers, problems = [], keyIsOptional = false } = route;
  const needsKey = path.startsWith('/v1/');
  registry.registerPath({
    method,
    path,
    operationId,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    security: needsKey ? [{ apiKey: [] }, ...(keyIsOptional ? [{}] : [])] : [],
    ...(request && { request }),
    responses: {
      ...answers,
      ...problemsFor([
        ...(path.includes('{') ? (['invalid_request'] as const) : []),
        ...problems,
        ...(needsKey ? (['unauthorized', 'database_unavailable'] as const) : []),
        'method_not_allowed',
        'internal_error',
      ]),
    },
  });
}
