import type { Readable } from 'node:stream';

import { AppError } from '../src/errors.ts';
import type { ArchiveFormat, CheckResult, FileCheck, FileVerdict, Rejection } from '../src/jobs/file-checks.ts';
import type { FileStore, StoredFile } from '../src/jobs/files.ts';
import { classified } from './failures.ts';
import { type Beat, heartbeating } from './heartbeat.ts';

export interface StoredArchive {
  format: ArchiveFormat;
  /** In bytes. */
  size: number;
  /** The bytes, or the inclusive range of them. */
  read: (range?: { start: number; end: number }) => Readable;
}

/** How far it is. */
export interface Watching {
  signal: AbortSignal;
  /** @param bytes of the file that were looked at, or sent, so far. */
  passed: (bytes: number) => void;
}

/** Says whether somebody who unpacks this gets more than anybody can want. In constant memory. */
export interface ArchiveExaminer {
  /**
   * Without names of what is inside. `examined` false: nothing is known about what is inside this format.
   * @throws what `read` threw; the reason of `signal`.
   */
  examine: (
    archive: StoredArchive,
    watching: Watching,
  ) => Promise<{ examined: boolean; entries?: number; unpackedBytes?: number; closedEntries?: number; rejection: Rejection | null }>;
}

export interface VirusScanner {
  /** Owns the source. @throws AppError `scanner_unavailable`, `scanner_configuration`; what the source threw; the reason of `signal`. */
  scan: (
    source: Readable,
    watching: Watching,
  ) => Promise<{ virus: string | null; engine: string; /** RFC 3339; null: it does not tell. */ databaseDate: string | null }>;
}

export interface ScanDependencies {
  files: Pick<FileStore, 'read' | 'look' | 'judge'>;
  archives: ArchiveExaminer;
  /** undefined: there is none. */
  scanner: VirusScanner | undefined;
}

export interface ScanRequest {
  tenant: string;
  file: StoredFile;
  checks: FileCheck[];
}

interface Outcome {
  result: CheckResult;
  rejection: Rejection | null;
}

const outcomeOf = (rejection: Rejection | null) => (rejection === null ? 'passed' : 'rejected');

export function scanActivities({ files, archives, scanner }: ScanDependencies) {
  async function archiveCheck(file: StoredFile, format: ArchiveFormat, watching: Watching): Promise<Outcome> {
    const { size } = file;
    const read = (range?: { start: number; end: number }) => files.read(file, range);
    const { examined, rejection, ...facts } = await archives.examine({ format, size, read }, watching);
    const outcome = examined ? outcomeOf(rejection) : 'not_examined';
    return { result: { name: 'archive', outcome, format, ...facts }, rejection };
  }

  async function virusCheck(file: StoredFile, watching: Watching): Promise<Outcome> {
    // Not a pass: what was received with the promise of a scan has one.
    if (scanner === undefined) throw new AppError('scanner_configuration', 'This worker has no virus scanner.', { retryable: true });
    const { virus, ...facts } = await scanner.scan(files.read(file), watching);
    const rejection: Rejection | null = virus === null ? null : { reason: 'virus', detail: `the virus scanner found ${virus}` };
    return { result: { name: 'virus', outcome: outcomeOf(rejection), ...facts }, rejection };
  }

  async function verdictOn({ file, checks }: ScanRequest, { report, signal }: Beat): Promise<FileVerdict> {
    const done: CheckResult[] = [];
    for (const check of checks) {
      const stage = check.name === 'archive' ? 'looking into the archive' : 'scanning for viruses';
      const watching: Watching = {
        signal,
        passed: (bytes) => {
          report({ done: bytes, total: file.size, unit: 'bytes', stage });
        },
      };
      signal.throwIfAborted();
      watching.passed(0);
      const { result, rejection } = await (check.name === 'archive'
        ? archiveCheck(file, check.format, watching)
        : virusCheck(file, watching));
      done.push(result);
      if (rejection !== null) return { checks: done, rejection };
    }
    return { checks: done, rejection: null };
  }

  return {
    /**
     * Lets a file out of quarantine, or removes its bytes. A second run finds the verdict of the first one, and the same for bytes
     * that are gone.
     */
    scanFile(request: ScanRequest): Promise<FileVerdict> {
      const { tenant, file } = request;
      return classified(() =>
        heartbeating(async (beat) => {
          const found = await files.look(tenant, file.id);
          if (found === undefined) throw new AppError('file_not_found', 'The file was deleted before its checks were done.');
          const earlier = found.state === 'quarantined' ? undefined : { checks: found.checks ?? [], rejection: found.rejection };
          const verdict = earlier ?? (await verdictOn(request, beat).catch(missing));
          const judged = await files.judge(tenant, file.id, verdict);
          if (judged === undefined) throw new AppError('file_not_found', 'The file was deleted before its checks were done.');
          return { checks: judged.checks ?? [], rejection: judged.rejection };
        }),
      );
    },
  };
}

/** They may be those of another file, which was rejected at the same time. */
function missing(error: unknown): FileVerdict {
  if (!(error instanceof AppError) || error.code !== 'file_not_found') throw error;
  return { checks: [], rejection: { reason: 'bytes_missing', detail: 'its bytes are gone' } };
}
