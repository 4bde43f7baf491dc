import { AppError } from '../errors.ts';

interface S3Error {
  name?: unknown;
  code?: unknown;
  $metadata?: { httpStatusCode?: number };
}

const factsOf = (error: unknown): S3Error => (typeof error === 'object' && error !== null ? error : {});

export const statusOf = (error: unknown): number | undefined => factsOf(error).$metadata?.httpStatusCode;

/** As the service names it, like `NoSuchKey`; not what it says about it, which may be anything. */
function nameOf(error: unknown): string {
  const { name, code } = factsOf(error);
  const status = statusOf(error);
  // HEAD is answered without a word.
  if (status !== undefined && (typeof name !== 'string' || name.startsWith('Unknown'))) return `HTTP ${String(status)}`;
  // Of the system first: `ECONNREFUSED` tells more than `Error`.
  const named = [code, name].find((text) => typeof text === 'string' && /^[A-Za-z][A-Za-z0-9_]{2,50}$/.test(text));
  return typeof named === 'string' ? named : 'unknown error';
}

/** No such object. A bucket that is not there is something else. */
export const isMissing = (error: unknown): boolean => statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket';

/** Of a range behind the end. */
export const isOutside = (error: unknown): boolean => statusOf(error) === 416;

/** The server does not know what it was asked for. */
export const isUnknownThere = (error: unknown): boolean => statusOf(error) === 501 || statusOf(error) === 405;

/** The errors of the SDK hold requests, and with them what they were signed with: of them only the name goes on. */
export function s3Unavailable(error: unknown): AppError {
  const name = nameOf(error);
  const why = name === 'ENOSPC' || name === 'EDQUOT' ? 'it is full' : name;
  const cause = Object.assign(new Error(why), { name, status: statusOf(error) });
  return new AppError('storage_unavailable', `The file storage can't be used: ${why}.`, { retryable: true, cause });
}

/** For requests only, so that failures of a source keep their own meaning. */
export async function onS3<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof AppError ? error : s3Unavailable(error);
  }
}
