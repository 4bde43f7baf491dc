import { isExpired, isWaiting, type PartialUploads } from '../../jobs/partial-uploads.ts';
import type { Finishing } from './finishing.ts';
import type { UploadLocks } from './locks.ts';

export interface TidyingDependencies {
  partials: PartialUploads;
  locks: UploadLocks;
  finishing: Finishing;
  uploadExpiryMs: number;
}

/**
 * Ends what nobody ends: starts jobs that could not be started before, one after the other, and removes uploads that were not
 * finished in time. Harmless beside all else, and in several processes.
 * @throws the first failure, when everything has been tried.
 */
export function createTidying({ partials, locks, finishing, uploadExpiryMs }: TidyingDependencies): () => Promise<void> {
  return async () => {
    let failure: { error: unknown } | undefined;
    for await (const upload of partials.all()) {
      try {
        if (isExpired(upload, uploadExpiryMs)) await locks.holdingIfFree(upload.id, () => partials.remove(upload.id));
        else if (isWaiting(upload)) await finishing.finishIfFree(upload.id);
      } catch (error) {
        failure ??= { error };
      }
    }
    await partials.sweep({ olderThanMs: uploadExpiryMs });
    if (failure !== undefined) throw failure.error;
  };
}
