import type { Express } from 'express';

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  schema: object;
}

interface Content {
  schema: object;
  examples?: Record<string, unknown>;
}

export interface OpenApi {
  tags: { name: string }[];
  paths: Record<string, Record<string, Omit<Operation, 'path' | 'method'>>>;
  components: { schemas: Record<string, object>; headers: Record<string, object>; examples: Record<string, unknown> };
}

export interface Operation {
  path: string;
  /** Lower case. */
  method: string;
  operationId: string;
  tags: string[];
  summary: string;
  /** By scheme, the scopes that are needed; `{}`: no key at all. */
  security: Record<string, string[]>[];
  parameters?: Parameter[];
  requestBody?: { content: Record<string, Content> };
  responses: Record<string, { headers: Record<string, { $ref: string }>; content?: Record<string, Content> }>;
}

export function operationsOf(document: OpenApi): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
  );
}

interface Layer {
  handle: { stack?: Layer[] };
  /** Where it is mounted; `/` for everywhere. */
  rawPath: string;
  route?: { path: string; methods: Record<string, boolean> };
}

function routesIn(layers: Layer[], prefix: string): string[] {
  return layers.flatMap(({ route, handle, rawPath }) => {
    if (route === undefined) return handle.stack === undefined ? [] : routesIn(handle.stack, prefix + rawPath.replace(/\/$/, ''));
    const path = prefix + route.path.replaceAll(/:(\w+)/g, '{$1}');
    // `all` answers 405.
    return Object.keys(route.methods)
      .filter((method) => method !== '_all')
      .map((method) => `${method} ${path}`);
  });
}

/** `get /v1/jobs/{id}`, each once. */
export function routesOf({ router }: Express): string[] {
  return [...new Set(routesIn(router.stack as unknown as Layer[], ''))];
}

/** Names of all fields within a part of the document, however deep. */
export function fieldsOf(document: OpenApi, part: unknown, seen = new Set<unknown>()): string[] {
  if (typeof part !== 'object' || part === null || seen.has(part)) return [];
  seen.add(part);
  const { $ref, properties } = part as { $ref?: unknown; properties?: unknown };
  const named = typeof properties === 'object' && properties !== null ? Object.keys(properties) : [];
  const referred = typeof $ref === 'string' ? [document.components.schemas[$ref.split('/').at(-1) ?? '']] : [];
  return [
    ...named,
    ...[...Object.values(part as Record<string, unknown>), ...referred].flatMap((inner) => fieldsOf(document, inner, seen)),
  ];
}
