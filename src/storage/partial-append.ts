import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';

import { onDisk, storageUnavailable } from './disk-failure.ts';
import { fileMode } from './disk-places.ts';

/** Two of them for each request that sends: many slow ones must fit into memory. */
const blockBytes = 512 * 1024;
/** Made durable while more comes: as much may be lost by a crash. */
const syncBytes = 64 * blockBytes;

export interface Appending {
  path: string;
  /** How many bytes count. What lies behind them was never promised, and goes. */
  offset: number;
  /** Told of bytes that are durable. */
  onDurable: (offset: number) => Promise<void>;
  /** @throws when the right to write is lost. */
  assertMine: () => void;
}

/**
 * Writes what comes behind what is there, in constant memory.
 * @returns how many bytes there are then, all durable.
 * @throws what the source threw, when all before is durable; AppError `storage_unavailable`, `storage_full`.
 */
export async function appendTo(appending: Appending, bytes: AsyncIterable<Uint8Array>): Promise<number> {
  const file = await onDisk(open(appending.path, 'a+', fileMode));
  try {
    await cutTo(file, appending.offset);
    const end = createEnd(file, appending);
    try {
      let failure: { error: unknown } | undefined;
      const source = asFarAsItComes(bytes, (error) => {
        failure = { error };
      });
      for await (const chunk of source) await end.add(chunk);
      const size = await end.finish();
      if (failure !== undefined) throw failure.error;
      return size;
    } catch (error) {
      await end.abandon();
      throw error;
    }
  } finally {
    await file.close().catch(() => undefined);
  }
}

async function* asFarAsItComes(bytes: AsyncIterable<Uint8Array>, onFailure: (error: unknown) => void): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (error) {
    onFailure(error);
  }
}

/** @throws AppError `storage_unavailable` when bytes are missing that were there. */
async function cutTo(file: FileHandle, offset: number): Promise<void> {
  const { size } = await onDisk(file.stat());
  if (size < offset) throw storageUnavailable(new Error('Bytes of a partial upload are gone'));
  if (size > offset) await onDisk(file.truncate(offset));
}

/** Where bytes are added: one block is filled while another one is written. */
function createEnd(file: FileHandle, { offset, onDurable, assertMine }: Appending) {
  const blocks = [Buffer.allocUnsafe(blockBytes), Buffer.allocUnsafe(blockBytes)];
  let filled = 0;
  let written = offset;
  let durable = offset;
  let writing: Promise<unknown> = Promise.resolve();

  async function sync(): Promise<void> {
    await onDisk(file.datasync());
    await onDisk(onDurable(written));
    durable = written;
  }
  /** Waits for the block before this one only. */
  async function flush(): Promise<void> {
    await writing;
    if (written - durable >= syncBytes) await sync();
    assertMine();
    blocks.reverse();
    writing = onDisk(file.writeFile((blocks[1] as Buffer).subarray(0, filled)));
    // Whoever comes next hears of it.
    writing.catch(() => undefined);
    written += filled;
    filled = 0;
  }
  return {
    async add(chunk: Uint8Array): Promise<void> {
      for (let from = 0; from < chunk.byteLength;) {
        const piece = chunk.subarray(from, from + blockBytes - filled);
        (blocks[0] as Buffer).set(piece, filled);
        filled += piece.byteLength;
        from += piece.byteLength;
        if (filled === blockBytes) await flush();
      }
    },
    async finish(): Promise<number> {
      if (filled > 0) await flush();
      await writing;
      if (written > durable) await sync();
      return written;
    },
    /** A full disk gets back what nobody was promised. */
    async abandon(): Promise<void> {
      await writing.catch(() => undefined);
      try {
        assertMine();
        await file.truncate(durable);
      } catch {
        // It is cut before the next bytes.
      }
    },
  };
}
