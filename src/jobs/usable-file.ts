import { AppError, invalid, placedAt } from '../errors.ts';
import type { FileFacts, FileStore } from './files.ts';

/**
 * A file that a request names: it is there, and its checks are done.
 * @throws AppError `file_not_found`, `file_quarantined`, `file_rejected`, with the pointer.
 */
export async function usableFile(files: Pick<FileStore, 'find'>, tenant: string, fileId: string, pointer: string): Promise<FileFacts> {
  const found = await files.find(tenant, fileId).catch((error: unknown) => {
    if (!(error instanceof AppError) || (error.code !== 'file_quarantined' && error.code !== 'file_rejected')) throw error;
    throw placedAt(error, [{ pointer, detail: error.message }]);
  });
  if (found === undefined) throw invalid(pointer, 'no such file', 'file_not_found');
  return found;
}
