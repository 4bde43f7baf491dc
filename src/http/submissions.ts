import { type Request, type RequestHandler, type Response, Router } from 'express';

import { AppError } from '../errors.ts';
import type { JobClient } from '../jobs/client.ts';
import type { FileStore } from '../jobs/files.ts';
import { newJobId } from '../jobs/ids.ts';
import type { Limits } from '../jobs/limits.ts';
import { allJobTypes, type AnyJobType } from '../jobs/registry.ts';
import { tenantOf } from './authentication.ts';
import { expectedDigests } from './digests.ts';
import { declaredJson, parsedJson } from './json-body.ts';
import { declaredJsonOrLines, isNdjson, receiveLines } from './line-body.ts';
import { maxOverhead, type Received, receiveMultipart } from './multipart.ts';
import { route } from './routes.ts';
import type { Submitted, SubmitReceived } from './submitting.ts';
import type { Waiting } from './waiting.ts';

export interface SubmissionDependencies {
  jobs: JobClient;
  files: FileStore;
  limits: Limits;
  /** In bytes. */
  maxUploadBytes: number;
  waiting: Waiting;
  submitReceived: SubmitReceived;
}

const maxKeyLength = 255;

/** @throws AppError `invalid_idempotency_key`. */
export function idempotencyKey(request: Request): string | undefined {
  const key = request.get('Idempotency-Key');
  if (key === undefined) return undefined;
  if (!/^[\x21-\x7e]+$/.test(key) || key.length > maxKeyLength)
    throw new AppError('invalid_idempotency_key', 'Idempotency-Key: must be 1 to 255 printable ASCII characters without spaces.', {
      errors: [{ pointer: '#header:Idempotency-Key', detail: 'must be 1 to 255 printable ASCII characters without spaces' }],
    });
  return key;
}

const declaredMultipart: RequestHandler = (request, _response, next) => {
  if (!request.is('multipart/form-data')) throw new AppError('unsupported_media_type', 'Send Content-Type: multipart/form-data.');
  next();
};

/**
 * Where the file of a submission is staged: within the tenant's room. Nothing is stored for a job that is there already; but
 * its body must be compared, even where there is no room for it.
 * @param bytes that there must be room for at least. @throws AppError `limit_exceeded`.
 */
export async function filesFor(
  { tenant, jobId, key }: Omit<Submitted, 'type' | 'parents'>,
  bytes: number,
  { files, jobs, limits }: Pick<SubmissionDependencies, 'files' | 'jobs' | 'limits'>,
): Promise<FileStore> {
  const limited = (await limits.of(tenant)).storedBytes !== undefined;
  const again = limited && key !== undefined && (await jobs.get(tenant, jobId)) !== undefined;
  if (again) return files;
  await limits.assertRoom(tenant, Math.max(1, bytes), '/file');
  return limits.files(tenant, files, '/file');
}

async function receive(
  submitted: Submitted,
  request: Request,
  response: Response,
  dependencies: SubmissionDependencies,
): Promise<Received> {
  const { type } = submitted;
  const { maxUploadBytes: maxBytes } = dependencies;
  if (type.body === 'json or lines' && isNdjson(request))
    return { part: undefined, ...(await receiveLines(request, { maxBytes, maxLineBytes: type.maxLineBytes ?? 0 })) };
  if (type.body !== 'multipart') return { part: undefined, request: request.body };
  const digests = expectedDigests(request, response);
  const files = await filesFor(submitted, Number(request.get('Content-Length') ?? 0) - maxOverhead, dependencies);
  return receiveMultipart(request, files, { maxBytes, digests });
}

/** `POST` of one job type: answers 202 once Temporal has it. */
function submit(type: AnyJobType, dependencies: SubmissionDependencies): RequestHandler {
  const { jobs, limits, waiting, submitReceived } = dependencies;
  return async (request, response) => {
    const tenant = tenantOf(response);
    const key = idempotencyKey(request);
    const submitted = {
      ...{ type, tenant, key, jobId: newJobId(type.type, tenant, key) },
      parents: type.body === 'multipart' ? ['request'] : [],
    };
    jobs.assertReachable();
    if (key === undefined) limits.assertAccepting();
    const { started, job } = await submitReceived(submitted, await receive(submitted, request, response, dependencies));
    if (!started) response.set('Idempotency-Replayed', 'true');
    await waiting.answer(request, response, job);
  };
}

function readersOf({ body }: AnyJobType): RequestHandler[] {
  if (body === 'multipart') return [declaredMultipart];
  return body === 'json' ? [declaredJson, parsedJson] : [declaredJsonOrLines, parsedJson];
}

/** One collection a job type, whatever types there are. */
export function submissions(dependencies: SubmissionDependencies): Router {
  const router = Router();
  for (const type of allJobTypes)
    route(router, type.path, {
      post: ['submit', ...readersOf(type), submit(type, dependencies)],
    });
  return router;
}
