import { type Request, type RequestHandler, type Response, Router } from 'express';

import { AppError } from '../errors.ts';
import type { FileStore } from '../jobs/files.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import { auditedWithin } from './auditing.ts';
import { tenantOf } from './authentication.ts';
import { type FoundFile, sendContent } from './file-content.ts';
import { isOwnLink } from './file-links.ts';
import type { Presenter } from './presentation.ts';
import { named, route } from './routes.ts';

const noSuchFile = () => new AppError('not_found', 'There is no such file.');

export function files({ files: store, presenter }: { files: FileStore; presenter: Presenter }): Router {
  const router = Router();
  const find = async (request: Request, response: Response): Promise<FoundFile> => {
    const file = await store.find(tenantOf(response), String(request.params['id']));
    if (file === undefined) throw noSuchFile();
    return file;
  };
  route(router, '/files/:id', {
    get: [
      'read',
      async (request, response) => {
        const resource = await presenter.file(await find(request, response), tenantOf(response));
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
        await sendContent(request, response, store, await find(request, response));
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
  const find = async (id: string, expires: unknown, signature: unknown): Promise<FoundFile> => {
    const tenant = await store.owner(id);
    if (tenant === undefined || typeof expires !== 'string' || typeof signature !== 'string') throw noSuchFile();
    if (!(await isOwnLink(tenantKeys, { tenant, id, expires, signature }))) throw noSuchFile();
    if (Number(expires) * 1000 <= Date.now())
      throw new AppError('link_expired', 'This link is no longer valid. Read the file or its job again for a new one.');
    const file = await store.find(tenant, id);
    if (file === undefined) throw noSuchFile();
    return file;
  };
  const serve: RequestHandler = async (request, response, next) => {
    const { expires, signature } = request.query;
    const asksForBytes = request.method === 'GET' || request.method === 'HEAD';
    if (!asksForBytes || signature === undefined || request.get('Authorization') !== undefined) {
      next();
      return;
    }
    await sendContent(request, response, store, await find(String(request.params['id']), expires, signature));
  };
  const router = Router();
  // Not `get`: then Express would answer OPTIONS by itself, before anybody has asked for a key.
  router.all('/files/:id/content', named('/files/:id/content'), serve);
  return router;
}
