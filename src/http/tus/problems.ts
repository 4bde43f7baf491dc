import { ERRORS } from '@tus/server';

import { AppError, type ErrorCode, invalid } from '../../errors.ts';
import type { UploadEnd } from '../../jobs/partial-uploads.ts';
import { tooLarge } from '../multipart.ts';

const header = (name: string, detail: string) => invalid(`#header:${name}`, detail);
const noType = () => new AppError('unsupported_media_type', 'Send Content-Type: application/offset+octet-stream.');
const beyondLength = () => new AppError('payload_too_large', 'These are more bytes than Upload-Length says.');
const busy = () =>
  new AppError('upload_busy', 'Another request works on this upload. Try again.', { retryable: true, retryAfterSeconds: 1 });

export const noSuchUpload = () => new AppError('not_found', 'There is no such upload.');
export const uploadExpired = () => new AppError('upload_expired', 'The upload was not finished in time. Begin it again.');

/** What the protocol's library throws. */
const known = new Map<unknown, (maxBytes: number) => AppError>([
  [ERRORS.MISSING_OFFSET, () => header('Upload-Offset', 'is missing')],
  [ERRORS.INVALID_CONTENT_TYPE, noType],
  [
    ERRORS.INVALID_OFFSET,
    () => new AppError('upload_offset_mismatch', 'The upload goes on at another byte: ask with HEAD at which one.', { retryable: true }),
  ],
  [ERRORS.FILE_NOT_FOUND, noSuchUpload],
  [ERRORS.FILE_NO_LONGER_EXISTS, uploadExpired],
  [ERRORS.INVALID_LENGTH, () => header('Upload-Length', 'must be sent once, at the beginning, or later after Upload-Defer-Length: 1')],
  [ERRORS.INVALID_METADATA, () => header('Upload-Metadata', 'must be pairs of a key and base 64, separated by commas')],
  [ERRORS.UNSUPPORTED_CONCATENATION_EXTENSION, () => header('Upload-Concat', 'is not known: send the file in one upload')],
  [ERRORS.ERR_SIZE_EXCEEDED, beyondLength],
  [ERRORS.ERR_MAX_SIZE_EXCEEDED, tooLarge],
  [ERRORS.ERR_LOCK_TIMEOUT, busy],
  // Nobody waits for this answer: somebody else has taken over, or the connection is gone.
  [ERRORS.ABORTED, busy],
]);

/** @param error as it was thrown. Anything that is not known goes on as it is. */
export function problemOf(error: unknown, maxBytes: number): unknown {
  const translate = known.get(error);
  if (translate !== undefined) return translate(maxBytes);
  // Of the library's stream that counts.
  const { status_code: status } = (error ?? {}) as { status_code?: number };
  return status === 413 ? beyondLength() : error;
}

const formats: Partial<Record<string, string>> = {
  'upload-offset': 'must be a whole number',
  'upload-length': 'must be a whole number',
  'upload-defer-length': 'must be 1',
  'upload-metadata': 'must be pairs of a key and base 64, separated by commas',
  'upload-concat': 'is not known: send the file in one upload',
};

/** Answers that the library gives by itself, before it has looked at the upload: `Invalid upload-offset …`. */
export function headerProblem(status: number, body: string): AppError {
  if (status === 412) return new AppError('tus_version_unsupported', 'Send Tus-Resumable: 1.0.0.');
  const names = /^Invalid (?<names>.+)/.exec(body)?.groups?.['names']?.trim().split(' ') ?? [];
  if (names.includes('tus-resumable')) return new AppError('tus_version_unsupported', 'Send Tus-Resumable: 1.0.0.');
  if (names.includes('content-type')) return noType();
  const errors = names.map((name) => ({ pointer: `#header:${name}`, detail: formats[name] ?? 'is not valid' }));
  return new AppError('invalid_request', 'A header is not valid.', { errors });
}

/** For what it is, or for want of room: waiting longer would not help. */
const isForGood = (error: unknown): error is AppError => error instanceof AppError && (!error.retryable || error.limit === 'storedBytes');

/** What an upload ends with; undefined: it is to be tried again. */
export function refusalBy(error: unknown): Extract<UploadEnd, { refusal: unknown }> | undefined {
  if (!isForGood(error)) return undefined;
  const { code, message, errors } = error;
  return { refusal: { code, message, ...(errors && { errors }) } };
}

/** The one that ended the upload, once more. */
export function refusalOf({ refusal }: Extract<UploadEnd, { refusal: unknown }>): AppError {
  const { code, message, errors } = refusal;
  return new AppError(code satisfies ErrorCode, message, errors && { errors });
}
