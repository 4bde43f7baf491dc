import { open } from 'node:fs/promises';

import { ioMemory } from '../io-memory.ts';

const chunkBytes = 256 * 1024;

export interface Reading {
  /** From 0; both belong to it. Default: all. */
  range?: { start: number; end: number } | undefined;
  /** Each chunk lies where the one before it lay: for whoever is done with one before taking the next. */
  inPlace?: boolean;
}

/** The bytes of a file. A stream would take memory that is slow to copy to; see src/io-memory.ts. */
export async function* fileChunks(path: string, { range, inPlace = false }: Reading = {}): AsyncGenerator<Buffer> {
  const file = await open(path);
  try {
    let [at, left] = [range?.start ?? 0, range === undefined ? Infinity : range.end - range.start + 1];
    let memory = ioMemory(Math.min(chunkBytes, left));
    while (left > 0) {
      const { bytesRead } = await file.read(memory, 0, Math.min(memory.length, left), at);
      if (bytesRead === 0) return;
      at += bytesRead;
      left -= bytesRead;
      yield memory.subarray(0, bytesRead);
      if (!inPlace) memory = ioMemory(Math.min(chunkBytes, left));
    }
  } finally {
    await file.close();
  }
}
