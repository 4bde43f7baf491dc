import { type Request, Router } from 'express';

import { AppError, invalid } from '../errors.ts';
import type { FileStore } from '../jobs/files.ts';
import { newJobId } from '../jobs/ids.ts';
import { tenantOf } from './authentication.ts';
import { bodyBytes } from './body-bytes.ts';
import { type ExpectedDigests, expectedDigests } from './digests.ts';
import { searchParams } from './job-filters.ts';
import { plainName } from './file-name.ts';
import { parseRequest, type Received, tooLarge } from './multipart.ts';
import { route } from './routes.ts';
import { filesFor, idempotencyKey, type SubmissionDependencies } from './submissions.ts';
import { uploadType } from './upload-type.ts';

/** `?request=…`, the JSON that is a part of its own in a multipart body. @throws AppError `malformed_json`, `invalid_request`. */
function requestIn(request: Request): unknown {
  const query = searchParams(request);
  const unknown = [...query.keys()].find((name) => name !== 'request');
  if (unknown !== undefined) throw invalid('#query', 'takes `request` only');
  const [json, ...more] = query.getAll('request');
  if (more.length > 0) throw invalid('#query:request', 'was sent twice');
  return json === undefined ? {} : parseRequest(json);
}

async function* watched(bytes: AsyncIterable<Uint8Array>, digests: ExpectedDigests | undefined): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    digests?.push(chunk);
    yield chunk;
  }
}

/** The whole body is the file. @throws AppError; nothing is stored then. On success the caller owns `part.staged`. */
async function receiveRaw(
  request: Request,
  files: FileStore,
  { maxBytes, digests }: { maxBytes: number; digests: ExpectedDigests | undefined },
): Promise<NonNullable<Received['part']>> {
  try {
    const staged = await files.stage(watched(bodyBytes(request), digests), { maxBytes }).catch((error: unknown) => {
      throw error instanceof AppError && error.code === 'payload_too_large' ? tooLarge(maxBytes) : error;
    });
    try {
      digests?.verify();
    } catch (error) {
      await staged.discard();
      throw error;
    }
    return { staged, name: plainName(String(request.params['name'])), declaredType: request.get('Content-Type') };
  } catch (error) {
    // Whatever the client still sends is thrown away, so that it can read the answer.
    request.resume();
    throw error;
  }
}

/** A file as the whole body of a `PUT`, as `curl -T` sends it. */
export function rawUploads(dependencies: SubmissionDependencies): Router {
  const { jobs, limits, maxUploadBytes: maxBytes, waiting, submitReceived } = dependencies;
  const router = Router();
  route(router, '/uploads/raw/:name', {
    put: [
      'submit',
      async (request, response) => {
        const [tenant, key] = [tenantOf(response), idempotencyKey(request)];
        const submitted = { type: uploadType, tenant, key, jobId: newJobId(uploadType.type, tenant, key), parents: ['request'] };
        const coding = request.get('Content-Encoding') ?? 'identity';
        if (coding.toLowerCase() !== 'identity') throw new AppError('unsupported_media_type', 'Send the bytes without a Content-Encoding.');
        const length = Number(request.get('Content-Length') ?? 0);
        if (length > maxBytes) throw tooLarge(maxBytes);
        const [asked, digests] = [requestIn(request), expectedDigests(request, response)];
        jobs.assertReachable();
        if (key === undefined) limits.assertAccepting();
        const part = await receiveRaw(request, await filesFor(submitted, length, dependencies), { maxBytes, digests });
        const { started, job } = await submitReceived(submitted, { part, request: asked });
        if (!started) response.set('Idempotency-Replayed', 'true');
        await waiting.answer(request, response, job);
      },
    ],
  });
  return router;
}
