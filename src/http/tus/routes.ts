import { Server } from '@tus/server';
import { type Request, type RequestHandler, type Response, Router } from 'express';

import { AppError } from '../../errors.ts';
import { isOwnPartialUploadId, newPartialUploadId } from '../../jobs/ids.ts';
import { expiryOf, isExpired, isWaiting, type PartialUpload } from '../../jobs/partial-uploads.ts';
import { tenantOf } from '../authentication.ts';
import { route } from '../routes.ts';
import { idempotencyKey } from '../submissions.ts';
import { assertWorthwhile, type CreationDependencies } from './creation.ts';
import { extensions, tusStore } from './data-store.ts';
import { createFinishing, type Finishing, type FinishingDependencies } from './finishing.ts';
import { createUploadLocks, type UploadLocks } from './locks.ts';
import { headerProblem, noSuchUpload, problemOf, refusalOf, uploadExpired } from './problems.ts';
import { createTidying } from './tidying.ts';
import { webRequest } from './web-request.ts';

const base = '/v1/uploads/tus';
const version = '1.0.0';
/** How long who writes may go on when somebody else wants to, in milliseconds. */
const lockDrainTimeout = 1_000;

export interface TusDependencies extends Omit<FinishingDependencies, 'locks'>, CreationDependencies {
  /** Told what has to be done when the process starts, and then about every minute. */
  uploadUpkeep: (tidy: () => Promise<void>) => void;
}

/**
 * What the protocol can do here, for anybody, and its version in every answer. Mount it before authentication, behind what
 * answers the preflight of pages of other origins.
 */
export function tusCapabilities({ maxUploadBytes }: { maxUploadBytes: number }): RequestHandler {
  return (request, response, next) => {
    response.set('Tus-Resumable', version);
    if (request.method !== 'OPTIONS') {
      next();
      return;
    }
    response.set({ 'Tus-Version': version, 'Tus-Extension': extensions.join(','), 'Tus-Max-Size': String(maxUploadBytes) });
    response.status(204).end();
  };
}

const pathOfJob = (jobId: string) => `/v1/jobs/${jobId}`;

function resourceOf(upload: PartialUpload, expiryMs: number) {
  const { id, offset, size = null, createdAt, end } = upload;
  const jobId = end && 'jobId' in end ? end.jobId : null;
  return {
    ...{ id, offset, length: size, createdAt: createdAt.toISOString(), expiresAt: expiryOf(upload, expiryMs).toISOString(), jobId },
    links: { self: `${base}/${id}`, ...(jobId !== null && { job: pathOfJob(jobId) }) },
  };
}

/** Of an answer of the library; the others are ours, or of other origins. */
const passedOn = ['Location', 'Upload-Offset', 'Upload-Length', 'Upload-Defer-Length', 'Upload-Metadata', 'Upload-Expires', 'Handoff-Job'];

interface Serving extends TusDependencies {
  locks: UploadLocks;
  finishing: Finishing;
}

/** One request of the protocol. @param id of the upload; undefined: it begins one. */
async function serve(request: Request, response: Response, id: string | undefined, serving: Serving): Promise<void> {
  const { locks, finishing, maxUploadBytes, uploadExpiryMs } = serving;
  const tenant = tenantOf(response);
  const key = id === undefined ? idempotencyKey(request) : undefined;
  let failure: { error: unknown } | undefined;
  const server = new Server({
    ...{ path: base, relativeLocation: true, maxSize: maxUploadBytes, allowedOrigins: () => false, locker: locks, lockDrainTimeout },
    datastore: tusStore(serving, { tenant, key, expiryMs: uploadExpiryMs }),
    namingFunction: () => newPartialUploadId(tenant),
    async onUploadCreate(_request, { size, metadata = {} }) {
      await assertWorthwhile({ tenant, size, metadata }, serving);
      return {};
    },
    async onUploadFinish(_request, upload) {
      const end = await finishing.finish(upload.id).catch((error: unknown) => {
        // Whoever has just begun it must be told where it is; its job is started later.
        if (id === undefined && error instanceof AppError) return undefined;
        throw error;
      });
      if (end !== undefined && 'refusal' in end) throw refusalOf(end);
      return end === undefined ? {} : { headers: { 'Handoff-Job': pathOfJob(end.jobId) } };
    },
    onResponseError(_request, error) {
      failure = { error };
      return undefined;
    },
  });
  const { asked, leave } = webRequest(request, id === undefined ? base : `${base}/${id}`);
  const answer = await server.handleWeb(asked);
  // A client that has gone reads nothing any more.
  leave().catch(() => undefined);
  if (failure !== undefined) throw problemOf(failure.error, maxUploadBytes);
  if (answer.status >= 400) {
    const problem = headerProblem(answer.status, await answer.text());
    if (problem.code === 'tus_version_unsupported') response.set('Tus-Version', version);
    throw problem;
  }
  for (const name of passedOn) {
    const value = answer.headers.get(name);
    if (value !== null) response.set(name, value);
  }
  response.status(answer.status).end();
}

/** tus 1.0 (https://tus.io/protocols/resumable-upload): a file in as many requests as it takes, and then its job. */
export function tusUploads(dependencies: TusDependencies): Router {
  const { partials, uploadExpiryMs } = dependencies;
  const locks = createUploadLocks(partials);
  const finishing = createFinishing({ ...dependencies, locks });
  const serving = { ...dependencies, locks, finishing };
  dependencies.uploadUpkeep(createTidying({ partials, locks, finishing, uploadExpiryMs }));

  /** @throws AppError `not_found`, `upload_expired`. */
  async function owned(request: Request, response: Response): Promise<PartialUpload> {
    const [tenant, id] = [tenantOf(response), String(request.params['id'])];
    const upload = isOwnPartialUploadId(id, tenant) ? await partials.find(id) : undefined;
    if (upload?.tenant !== tenant) throw noSuchUpload();
    if (isExpired(upload, uploadExpiryMs)) throw uploadExpired();
    return upload;
  }
  /** What is known of it once more, after its job was started if all its bytes are here. */
  async function settled(request: Request, response: Response): Promise<PartialUpload> {
    const upload = await owned(request, response);
    if (isWaiting(upload)) await finishing.finish(upload.id);
    const now = isWaiting(upload) ? await owned(request, response) : upload;
    if (now.end && 'refusal' in now.end) throw refusalOf(now.end);
    if (now.end) response.set('Handoff-Job', pathOfJob(now.end.jobId));
    return now;
  }

  const router = Router();
  route(router, '/uploads/tus', {
    post: ['submit', (request, response) => serve(request, response, undefined, serving)],
  });
  route(router, '/uploads/tus/:id', {
    get: [
      'submit',
      async (request, response) => {
        const upload = await settled(request, response);
        if (request.method === 'HEAD') await serve(request, response, upload.id, serving);
        else response.json(resourceOf(upload, uploadExpiryMs));
      },
    ],
    patch: [
      'submit',
      async (request, response) => {
        const { id, end, size, offset, tenant } = await owned(request, response);
        if (end && 'refusal' in end) throw refusalOf(end);
        if (size === undefined) await dependencies.limits.assertRoom(tenant, offset + Number(request.get('Content-Length') ?? 0), '/file');
        await serve(request, response, id, serving);
      },
    ],
    delete: [
      'submit',
      async (request, response) => {
        const { id } = await owned(request, response);
        await serve(request, response, id, serving);
      },
    ],
  });
  return router;
}
