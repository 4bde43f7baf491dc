import type { RejectionReason } from '../jobs/file-checks.ts';

/** Nobody should unpack this. The message has no names of what is inside. */
export class ArchiveRefused extends Error {
  override readonly name = 'ArchiveRefused';
  readonly reason: RejectionReason;

  constructor(reason: RejectionReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

export const unreadable = (what: string) => new ArchiveRefused('archive_unreadable', what);
