import type { FileHandle } from 'node:fs/promises';

import { ioMemory } from '../io-memory.ts';
import { onDisk } from './disk-failure.ts';

/** One for each writer, and two once the first is full: many slow senders must fit into memory. */
export const blockBytes = 512 * 1024;

export interface BlockWriter {
  add(chunk: Uint8Array): Promise<void>;
  /** Resolves when all is written. */
  finish(): Promise<void>;
  /** Resolves when nothing is being written, whatever became of it. */
  settled(): Promise<void>;
}

/**
 * Collects bytes into blocks at the end of a file: one is filled while the one before it is written.
 * @param before with each block, when the one before it is written
 */
export function createBlockWriter(file: FileHandle, before: (block: Buffer) => Promise<void> | void): BlockWriter {
  let block = ioMemory(blockBytes);
  let other: Buffer | undefined;
  let filled = 0;
  let writing: Promise<unknown> = Promise.resolve();

  async function flush(): Promise<void> {
    await writing;
    const full = block.subarray(0, filled);
    await before(full);
    writing = onDisk(file.writeFile(full));
    // Whoever comes next hears of it.
    writing.catch(() => undefined);
    [block, other] = [other ?? ioMemory(blockBytes), block];
    filled = 0;
  }
  return {
    async add(chunk) {
      for (let from = 0; from < chunk.byteLength;) {
        const piece = chunk.subarray(from, from + blockBytes - filled);
        block.set(piece, filled);
        filled += piece.byteLength;
        from += piece.byteLength;
        if (filled === blockBytes) await flush();
      }
    },
    async finish() {
      if (filled > 0) await flush();
      await writing;
    },
    settled: () =>
      writing.then(
        () => undefined,
        () => undefined,
      ),
  };
}
