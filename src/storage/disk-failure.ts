import { AppError } from '../errors.ts';

/** The system's name of the failure (`ENOSPC`, `EIO` …), if it has one. */
export function errnoOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function storageUnavailable(cause: unknown): AppError {
  const code = errnoOf(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') return new AppError('storage_full', 'The file storage is full.', { retryable: true, cause });
  return new AppError('storage_unavailable', `The file storage can't be used: ${code ?? 'unknown error'}.`, { retryable: true, cause });
}

/** For calls to the file system only, so that failures of a source keep their own meaning. */
export async function onDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw storageUnavailable(cause);
  }
}
