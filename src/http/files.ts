import { type Request, type Response, Router } from 'express';
import { pipeline } from 'node:stream/promises';

import { AppError } from '../errors.ts';
import type { FileStore } from '../jobs/files.ts';
import { tenantOf } from './authentication.ts';
import { fileLinks } from './presentation.ts';
import { route } from './routes.ts';

type Found = NonNullable<Awaited<ReturnType<FileStore['find']>>>;

/** Bytes for a client: always as a download, never sniffed, never run (ASVS 5, chapter V5). */
async function sendContent(request: Request, response: Response, files: FileStore, file: Found): Promise<void> {
  response.attachment(file.name).set({
    'Content-Type': file.contentType,
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'Cache-Control': 'private, max-age=31536000, immutable',
    'Accept-Ranges': 'bytes',
    ETag: `"${file.sha256}"`,
    'Last-Modified': file.createdAt.toUTCString(),
  });
  if (request.fresh) {
    response.status(304).end();
    return;
  }
  const range = wantedRange(request, file);
  if (range === 'unsatisfiable') {
    response
      .status(416)
      .set('Content-Range', `bytes */${String(file.size)}`)
      .removeHeader('Content-Disposition');
    response.end();
    return;
  }
  const { start, end } = range ?? { start: 0, end: file.size - 1 };
  if (range !== undefined) response.status(206).set('Content-Range', `bytes ${String(start)}-${String(end)}/${String(file.size)}`);
  response.set('Content-Length', String(end - start + 1));
  if (request.method === 'HEAD') response.end();
  // A client that goes away in the middle ends the pipeline with an error that is nobody's fault.
  else await pipeline(files.read(file, range), response).catch(ignoreIfGone(response));
}

const ignoreIfGone = (response: Response) => (error: unknown) => {
  if (!response.destroyed || !response.headersSent) throw error;
};

/** One range (RFC 9110, 14.2); several, and a range after a failed `If-Range`, are answered with the whole file. */
function wantedRange(request: Request, file: Found): { start: number; end: number } | 'unsatisfiable' | undefined {
  const ifRange = request.get('If-Range');
  if (request.get('Range') === undefined || (ifRange !== undefined && ifRange !== `"${file.sha256}"`)) return undefined;
  const ranges = request.range(file.size);
  if (ranges === -1) return 'unsatisfiable';
  const [only, ...others] = Array.isArray(ranges) && ranges.type === 'bytes' ? ranges : [];
  return others.length > 0 ? undefined : only;
}

export function files({ files: store }: { files: FileStore }): Router {
  const router = Router();
  const find = async (request: Request, response: Response): Promise<Found> => {
    const file = await store.find(tenantOf(response), String(request.params['id']));
    if (file === undefined) throw new AppError('not_found', 'There is no such file.');
    return file;
  };
  route(router, '/files/:id', {
    get: [
      async (request, response) => {
        const { id, name, contentType, size, sha256, createdAt, jobId } = await find(request, response);
        response.json({ id, name, contentType, size, sha256, createdAt, jobId, links: fileLinks(id) });
      },
    ],
  });
  route(router, '/files/:id/content', {
    get: [
      async (request, response) => {
        await sendContent(request, response, store, await find(request, response));
      },
    ],
  });
  return router;
}
