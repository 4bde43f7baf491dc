import { AppError, type ErrorCode } from '../../errors.ts';
import { newJobId } from '../../jobs/ids.ts';
import { isWaiting, type PartialUpload, type PartialUploads, type UploadEnd } from '../../jobs/partial-uploads.ts';
import { tooLarge } from '../multipart.ts';
import { uploadType } from '../upload-type.ts';
import { filesFor, type SubmissionDependencies } from '../submissions.ts';
import type { UploadLocks } from './locks.ts';
import { metadataOf } from './metadata.ts';
import { refusalBy } from './problems.ts';

export interface FinishingDependencies extends Omit<SubmissionDependencies, 'waiting'> {
  partials: PartialUploads;
  locks: UploadLocks;
  /** Its bytes are gone. */
  onUploadRefused?: ((refused: { id: string; code: ErrorCode }) => void) | undefined;
}

export interface Finishing {
  /** @returns what became of the upload; undefined: not all bytes are here. @throws AppError, when it is to be tried again. */
  finish(id: string): Promise<UploadEnd | undefined>;
  /** The same, but for one that somebody else works on. */
  finishIfFree(id: string): Promise<UploadEnd | undefined>;
}

/** What `fingerprintOf` sees differs then: whoever started the job before did so with the start time, or without it. */
const isLate = (error: unknown) => error instanceof AppError && (error.code === 'start_in_past' || error.code === 'idempotency_key_reused');

function withoutStart(request: unknown): unknown {
  const { options, ...rest } = request as { options?: { startAt?: string } };
  return { ...rest, options: { ...options, startAt: undefined } };
}

const hasStart = (request: unknown) => (request as { options?: { startAt?: string } }).options?.startAt !== undefined;

/** Starts the job of an upload whose bytes are all there. Repeated, and in several processes, it is one job: its id is made of the upload's. */
export function createFinishing(dependencies: FinishingDependencies): Finishing {
  const { partials, locks, jobs, maxUploadBytes: maxBytes, submitReceived, onUploadRefused } = dependencies;

  async function start({ id, tenant, metadata, key: given, offset }: PartialUpload): Promise<string> {
    // No client can send a key with a space.
    const key = given ?? `tus ${id}`;
    const submitted = { type: uploadType, tenant, key, jobId: newJobId(uploadType.type, tenant, key), parents: ['request'] };
    const { name, declaredType, request, sha256 } = metadataOf(metadata);
    const attempt = async (asked: unknown): Promise<string> => {
      const files = await filesFor(submitted, offset, dependencies);
      const staged = await files.stageFile(await partials.seal(id), { maxBytes }).catch((error: unknown) => {
        throw error instanceof AppError && error.code === 'payload_too_large' ? tooLarge(maxBytes) : error;
      });
      if (sha256 !== undefined && sha256 !== staged.sha256) {
        await staged.discard();
        const errors = [{ pointer: '#header:Upload-Metadata', detail: 'sha256 is that of other bytes' }];
        throw new AppError('digest_mismatch', 'The bytes that arrived are not those of sha256 in Upload-Metadata. Nothing was kept.', {
          errors,
        });
      }
      const { job } = await submitReceived(submitted, { part: { staged, name, declaredType }, request: asked });
      return job.id;
    };
    jobs.assertReachable();
    return attempt(request).catch((error: unknown) => {
      // It lay ahead when the upload began, and has come meanwhile.
      if (isLate(error) && hasStart(request)) return attempt(withoutStart(request));
      throw error;
    });
  }

  async function endOf(upload: PartialUpload): Promise<UploadEnd> {
    try {
      return { jobId: await start(upload) };
    } catch (error) {
      const end = refusalBy(error);
      if (end === undefined) throw error;
      onUploadRefused?.({ id: upload.id, code: end.refusal.code });
      return end;
    }
  }

  const finishing = (id: string) => async () => {
    const upload = await partials.find(id);
    if (upload === undefined || !isWaiting(upload)) return upload?.end;
    const end = await endOf(upload);
    await partials.end(id, end);
    return end;
  };
  return {
    finish: (id) => locks.holding(id, finishing(id)),
    finishIfFree: (id) => locks.holdingIfFree(id, finishing(id)),
  };
}
