import { type Request, type Response, Router } from 'express';

import { AppError } from '../errors.ts';
import { openCursor, sealCursor } from '../jobs/cursor.ts';
import { normalisedAddress } from '../jobs/recipient.ts';
import type { Suppression, SuppressionList } from '../jobs/suppressions.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import { audited, auditedWithin } from './auditing.ts';
import { tenantOf } from './authentication.ts';
import { linkToNext, queryOf } from './job-filters.ts';
import { declaredJson, parsedJson } from './json-body.ts';
import { route } from './routes.ts';
import { lookupRequest, suppressionOf, suppressionQuery, suppressionRequest } from './suppression-fields.ts';
import { declaredImport, importedFrom } from './suppression-import.ts';
import { validated } from './validation.ts';

export interface SuppressionDependencies {
  suppressions: SuppressionList;
  tenantKeys: TenantKeys;
}

/** Of one address there are at most one for each category and reason. */
const mostOfOne = 200;

const resourceOf = ({ createdAt, ...shown }: Suppression) => ({ ...shown, createdAt: createdAt.toISOString() });

/** Who gets no mail of the caller's own tenant. */
export function suppressions({ suppressions: list, tenantKeys }: SuppressionDependencies): Router {
  async function sendPage(request: Request, response: Response): Promise<void> {
    const { limit, cursor, address, ...others } = queryOf(suppressionQuery, request);
    const filter = { ...others, address: address && normalisedAddress(address) };
    const tenant = tenantOf(response);
    const signed = `suppressions ${JSON.stringify(filter)}`;
    const from = cursor === undefined ? undefined : Buffer.from(await openCursor(tenantKeys, tenant, signed, cursor)).toString();
    const { items, next } = await list.list(tenant, filter, { limit, from });
    const nextCursor = next === null ? null : await sealCursor(tenantKeys, tenant, signed, Buffer.from(next));
    if (nextCursor !== null) response.set('Link', linkToNext(request, nextCursor));
    response.json({ items: items.map(resourceOf), nextCursor });
  }

  const router = Router();
  route(router, '/suppressions', {
    get: ['read', sendPage],
    post: auditedWithin('suppression.add', 'operate', [declaredJson, parsedJson], async (entry, request, response) => {
      const asked = suppressionOf(validated(suppressionRequest, request.body));
      const { added, suppression } = await list.add(tenantOf(response), asked, entry);
      response.status(added ? 201 : 200).json(resourceOf(suppression));
    }),
  });
  route(router, '/suppressions/lookup', {
    post: [
      'read',
      declaredJson,
      parsedJson,
      async (request, response) => {
        const { address } = validated(lookupRequest, request.body);
        const { items } = await list.list(tenantOf(response), { address: normalisedAddress(address) }, { limit: mostOfOne });
        response.json({ items: items.map(resourceOf) });
      },
    ],
  });
  route(router, '/suppressions/import', {
    post: audited('suppression.import', 'operate', [declaredImport], async (request, response) => {
      const all = await importedFrom(request);
      return {
        details: { lines: all.length },
        act: async () => {
          const added = await list.addAll(tenantOf(response), all);
          response.json({ added, already: all.length - added });
        },
      };
    }),
  });
  route(router, '/suppressions/:id', {
    delete: auditedWithin('suppression.remove', 'operate', [], async (entry, request, response) => {
      if (!(await list.remove(tenantOf(response), String(request.params['id']), entry)))
        throw new AppError('not_found', 'There is no such suppression.');
      response.status(204).end();
    }),
  });
  return router;
}
