import express, { type Request, type RequestHandler, Router } from 'express';

import { AppError } from '../errors.ts';
import type { JobClient } from '../jobs/client.ts';
import type { FileStore } from '../jobs/files.ts';
import { fingerprintOf } from '../jobs/fingerprint.ts';
import { newJobId } from '../jobs/ids.ts';
import { allJobTypes, type AnyJobType } from '../jobs/registry.ts';
import { tenantOf } from './authentication.ts';
import { type Received, receiveMultipart } from './multipart.ts';
import { presentJob } from './presentation.ts';
import { route } from './routes.ts';
import { validated } from './validation.ts';

export interface SubmissionDependencies {
  jobs: JobClient;
  files: FileStore;
  /** In bytes. */
  maxUploadBytes: number;
  /** Where Temporal's Web UI shows a workflow. */
  workflowUrl: ((jobId: string) => string) | undefined;
}

/** Of a JSON body, in bytes. */
const maxJsonBytes = 10 * 1024 * 1024;
const maxKeyLength = 255;
/** When to look at a new job for the first time, in seconds. */
const firstLook = 1;

function idempotencyKey(request: Request): string | undefined {
  const key = request.get('Idempotency-Key');
  if (key === undefined) return undefined;
  if (!/^[\x21-\x7e]+$/.test(key) || key.length > maxKeyLength)
    throw new AppError('invalid_request', 'Idempotency-Key: must be 1 to 255 printable ASCII characters without spaces.', {
      errors: [{ pointer: '#header:Idempotency-Key', detail: 'must be 1 to 255 printable ASCII characters without spaces' }],
    });
  return key;
}

const jsonTypes = ['application/json', 'application/*+json'];
// Not strict: a number is JSON, too, and what is wrong with it says the schema.
const parsedJson = express.json({ limit: maxJsonBytes, type: jsonTypes, strict: false });

const declaredJson: RequestHandler = (request, _response, next) => {
  // null: there is no body, so its type can't be wrong.
  const typed = request.is(jsonTypes);
  if (typed === false || (typed === null && request.get('Content-Type') === undefined))
    throw new AppError('unsupported_media_type', 'Send Content-Type: application/json.');
  next();
};

const declaredMultipart: RequestHandler = (request, _response, next) => {
  if (!request.is('multipart/form-data')) throw new AppError('unsupported_media_type', 'Send Content-Type: multipart/form-data.');
  next();
};

async function receive(type: AnyJobType, request: Request, { files, maxUploadBytes }: SubmissionDependencies): Promise<Received> {
  return type.body === 'multipart' ? receiveMultipart(request, files, maxUploadBytes) : { part: undefined, request: request.body };
}

/** `POST` of one job type: validate, store what is large, start the workflow, answer 202 once Temporal has it. */
function submit(type: AnyJobType, dependencies: SubmissionDependencies): RequestHandler {
  const { jobs, files, workflowUrl } = dependencies;
  return async (request, response) => {
    const tenant = tenantOf(response);
    const key = idempotencyKey(request);
    jobs.assertReachable();
    const received = await receive(type, request, dependencies);
    try {
      const jobId = newJobId(type.type, tenant, key);
      const createdAt = new Date().toISOString();
      const asked = validated(type.request, received.request, type.body === 'multipart' ? ['request'] : []);
      const fingerprint = fingerprintOf(received.request, received.part);
      const start = async () => {
        const input = await type.prepare(asked, { tenant, jobId, createdAt, files, ...(received.part && { part: received.part }) });
        return jobs.start({ jobId, type, tenant, createdAt, input, fingerprint });
      };
      // Looked up before a second file would be stored under a key that is taken.
      const earlier = key !== undefined && received.part ? await jobs.earlier({ jobId, type, fingerprint }) : undefined;
      const { started, job } = earlier ? { started: false, job: earlier } : await start();
      if (!started) response.set('Idempotency-Replayed', 'true');
      response
        .status(202)
        .set({ Location: `/v1/jobs/${jobId}`, 'Retry-After': String(firstLook) })
        .json(presentJob(job, workflowUrl));
    } finally {
      await received.part?.staged.discard();
    }
  };
}

/** One collection a job type, whatever types there are. */
export function submissions(dependencies: SubmissionDependencies): Router {
  const router = Router();
  for (const type of allJobTypes)
    route(router, type.path, {
      post: [...(type.body === 'multipart' ? [declaredMultipart] : [declaredJson, parsedJson]), submit(type, dependencies)],
    });
  return router;
}
