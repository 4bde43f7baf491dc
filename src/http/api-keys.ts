import { Router } from 'express';
import { z } from 'zod';

import { AppError, invalid } from '../errors.ts';
import { type ApiKey, type ApiKeys, type IssuedKey, keyScopes, maxLifetimeSeconds } from '../jobs/api-keys.ts';
import type { Limits } from '../jobs/limits.ts';
import { singleLine } from '../jobs/single-line.ts';
import { auditedWithin } from './auditing.ts';
import { tenantOf } from './authentication.ts';
import { declaredJson, declaredJsonIfAny, parsedJson } from './json-body.ts';
import { route } from './routes.ts';
import { validated } from './validation.ts';

export const keyRequest = z
  .strictObject({
    name: singleLine.min(1).max(100).optional(),
    scopes: z.array(z.enum(keyScopes)).min(1).max(keyScopes.length),
    expiresInSeconds: z.int().min(1).max(maxLifetimeSeconds).optional().meta({ description: 'Default: it does not expire.' }),
  })
  .meta({ id: 'ApiKeyRequest', examples: [{ name: 'web shop', scopes: ['submit', 'read'], expiresInSeconds: 7_776_000 }] });

export const rotateRequest = z.strictObject({
  overlapSeconds: z.int().min(0).max(604_800).default(3_600).meta({ description: 'How long the old key works on.' }),
});

export const keyLimitsRequest = z.strictObject({
  requestsPerMinute: z.int().min(1).max(2_147_483_647).nullable().meta({ description: 'null: as many as the tenant.' }),
});

const noSuchKey = () => new AppError('not_found', 'There is no such API key.');

const timeOf = (date: Date | null) => date?.toISOString() ?? null;

function resourceOf({ id, name, prefix, scopes, createdAt, expiresAt, revokedAt, lastUsedAt, requestsPerMinute }: ApiKey) {
  return {
    id,
    name,
    prefix,
    scopes,
    createdAt: createdAt.toISOString(),
    expiresAt: timeOf(expiresAt),
    revokedAt: timeOf(revokedAt),
    lastUsedAt: timeOf(lastUsedAt),
    limits: { requestsPerMinute },
  };
}

const issuedResource = ({ key, ...issued }: IssuedKey) => ({ ...resourceOf(issued), key });

/** The keys of the caller's own tenant. A key is told once, when it is made. */
export function apiKeys({ keys, limits }: { keys: ApiKeys; limits: Limits }): Router {
  const router = Router();
  route(router, '/api-keys', {
    get: [
      'admin',
      async (_request, response) => {
        const items = (await keys.list(tenantOf(response))).map(resourceOf);
        response.set('Cache-Control', 'no-store').json({ items });
      },
    ],
    post: auditedWithin('api_key.create', 'admin', [declaredJson, parsedJson], async (entry, request, response) => {
      const { scopes, name, expiresInSeconds } = validated(keyRequest, request.body);
      const order = {
        tenant: tenantOf(response),
        scopes: keyScopes.filter((scope) => scopes.includes(scope)),
        ...(name !== undefined && { name }),
        ...(expiresInSeconds !== undefined && { lifetimeSeconds: expiresInSeconds }),
      };
      const issued = await keys.create(order, entry);
      response.status(201).set('Cache-Control', 'no-store').json(issuedResource(issued));
    }),
  });
  route(router, '/api-keys/:id', {
    delete: auditedWithin('api_key.revoke', 'admin', [], async (entry, request, response) => {
      if (!(await keys.revoke(tenantOf(response), String(request.params['id']), entry))) throw noSuchKey();
      response.status(204).end();
    }),
  });
  route(router, '/api-keys/:id/limits', {
    put: auditedWithin('limit.change', 'admin', [declaredJson, parsedJson], async (entry, request, response) => {
      const { requestsPerMinute } = validated(keyLimitsRequest, request.body);
      const tenant = tenantOf(response);
      const { ceiling } = await limits.standingOf(tenant);
      const detail = `is above the ceiling of ${String(ceiling.requestsPerMinute)}`;
      if ((requestsPerMinute ?? 0) > (ceiling.requestsPerMinute ?? Infinity))
        throw invalid('/requestsPerMinute', detail, 'value_out_of_range');
      const changed = await keys.limit(tenant, String(request.params['id']), requestsPerMinute, entry);
      if (changed === undefined) throw noSuchKey();
      response.set('Cache-Control', 'no-store').json(resourceOf(changed));
    }),
  });
  route(router, '/api-keys/:id/rotate', {
    post: auditedWithin('api_key.rotate', 'admin', [declaredJsonIfAny, parsedJson], async (entry, request, response) => {
      const { overlapSeconds } = validated(rotateRequest, request.body ?? {});
      const issued = await keys.rotate(tenantOf(response), String(request.params['id']), overlapSeconds, entry);
      if (issued === undefined) throw noSuchKey();
      response.status(201).set('Cache-Control', 'no-store').json(issuedResource(issued));
    }),
  });
  return router;
}
