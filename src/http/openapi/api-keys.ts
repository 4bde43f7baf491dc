import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { keyScopes } from '../../jobs/api-keys.ts';
import { keyLimitsRequest, keyRequest, rotateRequest } from '../api-keys.ts';
import { examplesOf } from './examples.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { idParameter, time } from './schemas.ts';

const apiKey = z
  .object({
    id: z.string().meta({ description: 'No secret: the log names the key by it.' }),
    name: z.string().nullable(),
    prefix: z.string().meta({ description: 'The first characters of the key.' }),
    scopes: z.array(z.enum(keyScopes)),
    createdAt: time,
    expiresAt: time.nullable(),
    revokedAt: time.nullable(),
    lastUsedAt: time.nullable().meta({ description: 'Up to a minute late.' }),
    limits: z.object({ requestsPerMinute: z.int().nullable().meta({ description: 'null: as many as the tenant.' }) }),
  })
  .meta({ id: 'ApiKey' });

const issuedKey = apiKey
  .extend({ key: z.string().meta({ description: 'Shown this once; only its hash is stored.' }) })
  .meta({ id: 'IssuedApiKey' });

const id = 'key_0123456789abcdef0123456789';
const example: z.infer<typeof apiKey> = {
  id,
  name: 'web shop',
  prefix: 'hk_Wm3x',
  scopes: ['submit', 'read'],
  createdAt: '2026-11-22T13:25:38.095Z',
  expiresAt: '2027-02-20T13:25:38.095Z',
  revokedAt: null,
  lastUsedAt: null,
  limits: { requestsPerMinute: null },
};
const issued = { ...example, key: 'hk_Wm3x…' };

const params = idParameter('Id of the API key.', id);
const json = ['malformed_json', 'unsupported_media_type', 'payload_too_large'] as const;

export function describeApiKeys(registry: OpenAPIRegistry): void {
  describeRoute(registry, {
    method: 'get',
    path: '/v1/api-keys',
    operationId: 'listApiKeys',
    scope: 'admin',
    tag: 'API keys',
    summary: 'The API keys of the tenant',
    description: 'Newest first, the expired and the revoked too; at most 1,000.',
    answers: {
      200: answer('The keys, but for what is secret.', z.object({ items: z.array(apiKey) }), {
        headers: ['Cache-Control'],
        examples: { one: { items: [example] } },
      }),
    },
  });
  const examples = Object.fromEntries(examplesOf(keyRequest).map((value, index) => [`example${String(index + 1)}`, { value }]));
  describeRoute(registry, {
    method: 'post',
    path: '/v1/api-keys',
    operationId: 'createApiKey',
    scope: 'admin',
    tag: 'API keys',
    summary: 'Create an API key',
    request: { body: { required: true, content: { 'application/json': { schema: keyRequest, examples } } } },
    answers: { 201: answer('The key.', issuedKey, { headers: ['Cache-Control'], examples: { issued } }) },
    problems: ['invalid_request', ...json],
  });
  describeRoute(registry, {
    method: 'delete',
    path: '/v1/api-keys/{id}',
    operationId: 'revokeApiKey',
    scope: 'admin',
    tag: 'API keys',
    summary: 'Revoke an API key',
    description: 'It stops working within five seconds, at every process, and stays in the list. Harmless when repeated.',
    request: { params },
    answers: { 204: answer('It is revoked.') },
    problems: ['not_found'],
  });
  describeRoute(registry, {
    method: 'put',
    path: '/v1/api-keys/{id}/limits',
    operationId: 'setApiKeyLimits',
    scope: 'admin',
    tag: 'API keys',
    summary: 'Limit the requests of an API key',
    description: 'Below what its tenant has. Within five seconds it counts at every process.',
    request: {
      params,
      body: {
        required: true,
        content: { 'application/json': { schema: keyLimitsRequest, examples: { slow: { value: { requestsPerMinute: 60 } } } } },
      },
    },
    answers: {
      200: answer('The key.', apiKey, {
        headers: ['Cache-Control'],
        examples: { slow: { ...example, limits: { requestsPerMinute: 60 } } },
      }),
    },
    problems: [...json, 'value_out_of_range', 'not_found'],
  });
  describeRoute(registry, {
    method: 'post',
    path: '/v1/api-keys/{id}/rotate',
    operationId: 'rotateApiKey',
    scope: 'admin',
    tag: 'API keys',
    summary: 'Replace an API key',
    description: 'A new key with the same name, scopes, lifetime and limits. The old one works until the overlap is over.',
    request: {
      params,
      body: {
        required: false,
        content: { 'application/json': { schema: rotateRequest, examples: { day: { value: { overlapSeconds: 86_400 } } } } },
      },
    },
    answers: { 201: answer('The new key.', issuedKey, { headers: ['Cache-Control'], examples: { issued } }) },
    problems: [...json, 'not_found', 'api_key_not_active'],
  });
}
