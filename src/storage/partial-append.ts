import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';

import { blockBytes, createBlockWriter } from './block-writer.ts';
import { onDisk, storageUnavailable } from './disk-failure.ts';
import { fileMode } from './disk-places.ts';

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

function createEnd(file: FileHandle, { offset, onDurable, assertMine }: Appending) {
  let written = offset;
  let durable = offset;
  let syncedFrom = offset;
  let syncing = Promise.resolve();

  /** Waits for the one before it only. */
  async function sync(): Promise<void> {
    await syncing;
    syncedFrom = written;
    const make = async (end: number) => {
      await onDisk(file.datasync());
      assertMine();
      await onDisk(onDurable(end));
      durable = end;
    };
    syncing = make(written);
    // Whoever comes next hears of it.
    syncing.catch(() => undefined);
  }
  const writer = createBlockWriter(file, async (block) => {
    if (written - syncedFrom >= syncBytes) await sync();
    assertMine();
    written += block.byteLength;
  });
  return {
    add: (chunk: Uint8Array) => writer.add(chunk),
    async finish(): Promise<number> {
      await writer.finish();
      if (written > syncedFrom) await sync();
      await syncing;
      return written;
    },
    /** A full disk gets back what nobody was promised. */
    async abandon(): Promise<void> {
      await writer.settled();
      await syncing.catch(() => undefined);
      try {
        assertMine();
        await file.truncate(durable);
      } catch {
        // It is cut before the next bytes.
      }
    },
  };
}
