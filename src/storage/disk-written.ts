import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open, rm } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

import { ioMemory } from '../io-memory.ts';
import type { StagedBlob, StageOptions } from './blobs.ts';
import { onDisk } from './disk-failure.ts';
import { fileMode, makeDirectory } from './disk-places.ts';
import { headBytes, type Staging, syncBytes, tooLarge } from './disk-stage.ts';

/** Read at a time. */
const blockBytes = 1024 * 1024;
/** Between looks at a file that does not grow. */
const lookMs = 50;

/** Hashes a file while something else writes it, in the place from where a rename makes it a blob: its bytes are written once. */
export async function stageWrittenOnDisk(
  places: Staging,
  write: (path: string) => Promise<void>,
  options: StageOptions,
): Promise<StagedBlob> {
  options.signal?.throwIfAborted();
  await onDisk(makeDirectory(places.temporary));
  const path = places.newTemporary();
  const file = await onDisk(open(path, 'wx+', fileMode));
  let ended = false;
  const writing = write(path).finally(() => {
    ended = true;
  });
  try {
    const facts = await followed(file, { writing, hasEnded: () => ended }, options);
    await writing;
    await onDisk(file.close());
    return places.staged(path, facts);
  } catch (error) {
    // Nothing is removed below a writer that still writes.
    await writing.catch(() => undefined);
    await file.close().catch(() => undefined);
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

interface Writer {
  writing: Promise<void>;
  hasEnded: () => boolean;
}

async function followed(file: FileHandle, { writing, hasEnded }: Writer, { maxBytes = Infinity, signal, observers = [] }: StageOptions) {
  const hash = createHash('sha256');
  const block = ioMemory(blockBytes);
  let head: Buffer | undefined;
  let size = 0;
  let syncing: Promise<unknown> = Promise.resolve();
  for (;;) {
    const last = hasEnded();
    // A writer that failed leaves nothing to look at.
    if (last) await writing;
    signal?.throwIfAborted();
    const there = (await onDisk(file.stat())).size;
    if (there > maxBytes) throw tooLarge(maxBytes);
    if (!last && there - size < blockBytes) {
      await Promise.race([writing.catch(() => undefined), setTimeout(lookMs)]);
      continue;
    }
    while (size < there) {
      signal?.throwIfAborted();
      const { bytesRead } = await onDisk(file.read(block, 0, Math.min(blockBytes, there - size), size));
      if (bytesRead === 0) break;
      const piece = block.subarray(0, bytesRead);
      head ??= Buffer.from(piece.subarray(0, headBytes));
      hash.update(piece);
      for (const observe of observers) observe(piece);
      if (Math.floor((size + bytesRead) / syncBytes) > Math.floor(size / syncBytes)) {
        await syncing;
        syncing = onDisk(file.datasync());
        // Whoever comes next hears of it, and must: the system tells it once, and not to who opens the file later.
        syncing.catch(() => undefined);
      }
      size += bytesRead;
    }
    if (!last) continue;
    await syncing;
    return { size, sha256: hash.digest('hex'), head: head ?? Buffer.alloc(0) };
  }
}
