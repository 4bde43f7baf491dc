import { type FileHandle, open, realpath } from 'node:fs/promises';

import { misconfigured, unreachable } from './failure.ts';

/** What another one changes who writes into the file. */
export interface FileState {
  /** Without links: what belongs to the file stands beside it. */
  path: string;
  marks: string;
}

const magic = Buffer.from('SQLite format 3\0');
const journalMagic = Buffer.from('d9d505f920a163d7', 'hex');
/** Of the header: its versions for writing and reading, 2 with a write-ahead log; and the counter of changes. */
const [versionsAt, walVersion, counterAt] = [18, 2, 24];

async function beginningOf(file: FileHandle, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
  return buffer.subarray(0, bytesRead);
}

/** Whether a change is under way, or was left half done: this text stands there before the first page is written. */
async function isBeingWritten(path: string): Promise<boolean> {
  const journal = await open(`${path}-journal`, 'r').catch(() => undefined);
  if (journal === undefined) return false;
  try {
    return (await beginningOf(journal, journalMagic.length)).equals(journalMagic);
  } finally {
    await journal.close();
  }
}

/** @throws AppError `data_source_configuration`, `data_source_unreachable`, without the path */
export async function fileState(configured: string): Promise<FileState> {
  const path = await realpath(configured).catch(() => configured);
  const file = await open(path, 'r').catch((error: unknown) => {
    const { code } = error as { code?: string };
    throw misconfigured(`The file is not there, or may not be read (${String(code)}).`);
  });
  try {
    const stats = await file.stat({ bigint: true });
    if (!stats.isFile()) throw misconfigured('What is configured is no file.');
    const header = await beginningOf(file, 100);
    if (!header.subarray(0, magic.length).equals(magic)) throw misconfigured('The file is no SQLite database, or is encrypted.');
    if (header.subarray(versionsAt, versionsAt + 2).includes(walVersion))
      throw misconfigured('The file has a write-ahead log (WAL), which is not read here. A copy made with VACUUM INTO has none.');
    if (await isBeingWritten(path)) throw unreachable('The file is being written, or its last change was left half done.');
    const counter = header.subarray(counterAt, counterAt + 4).toString('hex');
    return { path, marks: [stats.dev, stats.ino, stats.size, stats.mtimeNs, counter].join(' ') };
  } finally {
    await file.close();
  }
}

/**
 * Locks of other programs can't be had here, and so what they write while we read is noticed afterwards.
 * @throws AppError `data_source_unreachable`
 */
export async function assertUnchanged(configured: string, before: FileState): Promise<void> {
  const now = await fileState(configured);
  if (now.marks !== before.marks || now.path !== before.path) throw unreachable('The file has changed while it was read.');
}
