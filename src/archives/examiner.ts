import type { ArchiveExaminer, StoredArchive, Watching } from '../../activities/scan.ts';
import { AppError } from '../errors.ts';
import { ArchiveRefused, unreadable } from './refusal.ts';
import { examineStream } from './streamed.ts';
import { type ArchiveLimits, createTally, type Tally } from './tally.ts';
import { examineZip } from './zip.ts';

async function examineInside(archive: StoredArchive, tally: Tally, watching: Watching): Promise<{ closedEntries?: number }> {
  if (archive.format === 'zip') return examineZip(archive, tally, watching);
  await examineStream(archive, tally, watching);
  return {};
}

/** What broken bytes make parsers say; not that storage or database are away, or that somebody wants us to stop. */
function refusalOf(error: unknown, { signal }: Watching): ArchiveRefused {
  if (error instanceof ArchiveRefused) return error;
  signal.throwIfAborted();
  if (error instanceof AppError) throw error;
  return unreadable('it is broken, or cut off');
}

/** One level: an archive within an archive is one entry. */
export function createArchiveExaminer(limits: ArchiveLimits): ArchiveExaminer {
  return {
    async examine(archive, watching) {
      if (!['zip', 'gzip', 'tar'].includes(archive.format)) return { examined: false, rejection: null };
      const tally = createTally(limits, archive.size);
      try {
        const facts = await examineInside(archive, tally, watching);
        return { examined: true, ...tally.sum(), ...facts, rejection: null };
      } catch (error) {
        const { reason, message: detail } = refusalOf(error, watching);
        return { examined: true, rejection: { reason, detail } };
      }
    },
  };
}
