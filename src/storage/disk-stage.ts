import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

import { AppError } from '../errors.ts';
import { abortable } from './abortable.ts';
import { blockBytes, createBlockWriter } from './block-writer.ts';
import type { StagedBlob, StageOptions } from './blobs.ts';
import { onDisk } from './disk-failure.ts';
import type { DiskPlaces } from './disk-places.ts';
import { fileMode, makeDirectory, syncDirectory } from './disk-places.ts';

export const headBytes = 64 * 1024;
/** Written out while there is more to come: at the end little is left to wait for. */
export const syncBytes = 64 * blockBytes;

type Facts = Pick<StagedBlob, 'size' | 'sha256' | 'head'>;

/** Where bytes wait. */
export interface Staging extends Pick<DiskPlaces, 'temporary' | 'newTemporary'> {
  /** What is to become of a temporary path that is written, whole. */
  staged(path: string, facts: Facts): StagedBlob;
}

/** A crash at any point leaves a temporary file at most. */
export async function stageOnDisk(places: Staging, bytes: AsyncIterable<Uint8Array>, options: StageOptions): Promise<StagedBlob> {
  options.signal?.throwIfAborted();
  await onDisk(makeDirectory(places.temporary));
  const path = places.newTemporary();
  const file = await onDisk(open(path, 'wx', fileMode));
  try {
    const facts = await writeThrough(file, bytes, options);
    await onDisk(file.close());
    return places.staged(path, facts);
  } catch (error) {
    // What went wrong first is what the caller must hear.
    await file.close().catch(() => undefined);
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Bytes that are moved to their final place. */
export function stagedBeside(places: DiskPlaces, path: string, facts: Facts): StagedBlob {
  let renamed = false;
  let lost: { error: unknown } | undefined;
  return {
    ...facts,
    async commit() {
      const final = places.blob(facts.sha256);
      // The system takes for written what it has once failed to write: asked again it would say that all is well (fsync(2)).
      if (lost !== undefined) throw lost.error;
      if (!renamed) {
        await onDisk(writeOut(path)).catch((error: unknown) => {
          lost = { error };
          throw error;
        });
        await onDisk(moveInto(final, path));
      }
      renamed = true;
      await onDisk(syncDirectory(dirname(final)));
    },
    discard: () => onDisk(rm(path, { force: true })),
  };
}

export function tooLarge(maxBytes: number): AppError {
  return new AppError('payload_too_large', `The file is larger than the limit of ${String(maxBytes)} bytes.`);
}

async function writeThrough(file: FileHandle, bytes: AsyncIterable<Uint8Array>, options: StageOptions) {
  const { maxBytes = Infinity, signal, observers = [] } = options;
  const hash = createHash('sha256');
  let size = 0;
  let written = 0;
  let head: Buffer | undefined;
  let syncing: Promise<unknown> = Promise.resolve();
  const writer = createBlockWriter(file, async (block) => {
    head ??= Buffer.from(block.subarray(0, headBytes));
    hash.update(block);
    for (const observe of observers) observe(block);
    written += block.byteLength;
    if (written % syncBytes !== 0) return;
    await syncing;
    syncing = onDisk(file.datasync());
    // Whoever comes next hears of it, and must: the system tells it once, and not to who opens the file later.
    syncing.catch(() => undefined);
  });
  try {
    for await (const chunk of signal === undefined ? bytes : abortable(bytes, signal)) {
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
      await writer.add(chunk);
    }
    await writer.finish();
    await syncing;
  } finally {
    await writer.settled();
    await syncing.catch(() => undefined);
  }
  return { size, sha256: hash.digest('hex'), head: head ?? Buffer.alloc(0) };
}

async function writeOut(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    // The age of a blob counts from its last commit: a sweep that runs now must leave it alone.
    const now = new Date();
    await file.utimes(now, now);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function moveInto(final: string, path: string): Promise<void> {
  await makeDirectory(dirname(final));
  // Also when the same bytes are there already: those may be old enough for a sweep that has just looked at them.
  await rename(path, final);
}
