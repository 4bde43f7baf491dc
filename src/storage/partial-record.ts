import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomUUID } from 'node:crypto';

import type { PartialUpload, UploadEnd } from '../jobs/partial-uploads.ts';
import { errnoOf } from './disk-failure.ts';
import { fileMode, makeDirectory, syncDirectory } from './disk-places.ts';

/** In front of the record, so that it can be changed in its place: digits of the offset, and a line break. */
const offsetDigits = 16;

interface Written extends Omit<PartialUpload, 'offset' | 'createdAt' | 'end'> {
  createdAt: string;
  end?: (UploadEnd & { at: string }) | undefined;
}

/** `undefined`: it is not there, or was not written to its end. */
export async function readRecord(path: string): Promise<PartialUpload | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const offset = text.slice(0, offsetDigits);
  if (!/^\d{16}$/.test(offset)) return undefined;
  const { id, tenant, createdAt, size, metadata, key, end } = JSON.parse(text.slice(offsetDigits)) as Written;
  return {
    ...{ id, tenant, size, metadata, key, offset: Number(offset) },
    createdAt: new Date(createdAt),
    end: end && { ...end, at: new Date(end.at) },
  };
}

const digitsOf = (offset: number) => String(offset).padStart(offsetDigits, '0');

/** Whole and durable when it resolves; a crash before that leaves the one that was there. */
export async function writeRecord(path: string, { offset, ...record }: PartialUpload): Promise<void> {
  await makeDirectory(dirname(path));
  const temporary = `${path}.${randomUUID()}`;
  try {
    const file = await open(temporary, 'wx', fileMode);
    try {
      await file.writeFile(`${digitsOf(offset)}\n${JSON.stringify(record)}`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Of bytes that are durable. That this is so itself is not waited for: an older offset would do no harm. */
export async function writeOffset(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write(digitsOf(offset), 0);
  } finally {
    await file.close();
  }
}
