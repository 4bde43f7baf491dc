import { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';

import { AppError } from '../errors.ts';
import { openCursor, sealCursor } from '../jobs/cursor.ts';
import { isOwnLink } from '../jobs/file-links.ts';
import type { FileFacts, FileFilter, FileStore } from '../jobs/files.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import { auditedWithin } from './auditing.ts';
import { tenantOf } from './authentication.ts';
import { sendContent } from './file-content.ts';
import { countQuery, linkToNext, listQuery, queryOf } from './job-filters.ts';
import type { Presenter } from './presentation.ts';
import { named, route } from './routes.ts';

const noSuchFile = () => new AppError('not_found', 'There is no such file.');

/** @param read `find` for its bytes, `look` to tell of it. */
async function found(store: FileStore, read: 'find' | 'look', tenant: string, id: string): Promise<FileFacts> {
  const file = await store[read](tenant, id);
  if (file !== undefined) return file;
  if (await store.hasExpired(tenant, id)) throw new AppError('file_expired', 'This file was kept for a limited time, which is over.');
  throw noSuchFile();
}

const { createdAfter, createdBefore } = countQuery.shape;
const { limit, cursor } = listQuery.shape;

/** The query of `GET /v1/files`. */
export const fileQuery = z.strictObject({
  jobId: z
    .string()
    .max(100)
    .optional()
    .meta({ description: 'Of the job that made or received them.', examples: ['report_favhp5ge2rm62zof2zj3sgeyag'] }),
  createdAfter,
  createdBefore,
  limit: limit.meta({ description: 'Files on a page.' }),
  cursor,
});

function filterOf(query: z.infer<typeof fileQuery>): FileFilter {
  return {
    ...(query.jobId !== undefined && { jobId: query.jobId }),
    ...(query.createdAfter !== undefined && { createdAfter: new Date(query.createdAfter) }),
    ...(query.createdBefore !== undefined && { createdBefore: new Date(query.createdBefore) }),
  };
}

export interface FileDependencies {
  files: FileStore;
  presenter: Presenter;
  tenantKeys: TenantKeys;
}

export function files({ files: store, presenter, tenantKeys }: FileDependencies): Router {
  const router = Router();
  const asked = (read: 'find' | 'look', request: Request, response: Response) =>
    found(store, read, tenantOf(response), String(request.params['id']));

  async function sendPage(request: Request, response: Response): Promise<void> {
    const query = queryOf(fileQuery, request);
    const [tenant, filter] = [tenantOf(response), filterOf(query)];
    const signed = `files ${JSON.stringify(filter)}`;
    const from =
      query.cursor === undefined ? undefined : Buffer.from(await openCursor(tenantKeys, tenant, signed, query.cursor)).toString();
    const { items, next } = await store.list(tenant, filter, { limit: query.limit, from });
    const nextCursor = next === null ? null : await sealCursor(tenantKeys, tenant, signed, Buffer.from(next));
    if (nextCursor !== null) response.set('Link', linkToNext(request, nextCursor));
    response.set('Cache-Control', 'no-store').json({ items: await presenter.files(items, tenant), nextCursor });
  }

  route(router, '/files', { get: ['read', sendPage] });
  route(router, '/files/:id', {
    get: [
      'read',
      async (request, response) => {
        const [resource] = await presenter.files([await asked('look', request, response)], tenantOf(response));
        response.set('Cache-Control', 'no-store').json(resource);
      },
    ],
    delete: auditedWithin('file.delete', 'operate', [], async (entry, request, response) => {
      if (!(await store.remove(tenantOf(response), String(request.params['id']), entry))) throw noSuchFile();
      response.status(204).end();
    }),
  });
  route(router, '/files/:id/content', {
    get: [
      'read',
      async (request, response) => {
        await sendContent(request, response, store, { tenant: tenantOf(response), asked: await asked('find', request, response) });
      },
    ],
  });
  return router;
}

/**
 * The content of a file by a signed link, for requests without an API key; mount it before authentication. A link that
 * we did not make is answered like one to a file that does not exist.
 */
export function signedContent({ files: store, tenantKeys }: { files: FileStore; tenantKeys: TenantKeys }): Router {
  const owned = async (id: string, expires: unknown, signature: unknown): Promise<{ tenant: string; file: FileFacts }> => {
    const tenant = await store.owner(id);
    if (tenant === undefined || typeof expires !== 'string' || typeof signature !== 'string') throw noSuchFile();
    if (!(await isOwnLink(tenantKeys, { tenant, id, expires, signature }))) throw noSuchFile();
    const file = await found(store, 'find', tenant, id);
    if (Number(expires) * 1000 <= Date.now())
      throw new AppError('link_expired', 'This link is no longer valid. Read the file or its job again for a new one.');
    return { tenant, file };
  };
  const serve: RequestHandler = async (request, response, next) => {
    const { expires, signature } = request.query;
    const asksForBytes = request.method === 'GET' || request.method === 'HEAD';
    if (!asksForBytes || signature === undefined || request.get('Authorization') !== undefined) {
      next();
      return;
    }
    const { tenant, file } = await owned(String(request.params['id']), expires, signature);
    await sendContent(request, response, store, { tenant, asked: file, download: store.downloads });
  };
  const router = Router();
  // Not `get`: then Express would answer OPTIONS by itself, before anybody has asked for a key.
  router.all('/files/:id/content', named('/files/:id/content'), serve);
  return router;
}
