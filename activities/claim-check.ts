import { text } from 'node:stream/consumers';

import type { FileReference } from '../src/jobs/definition.ts';
import type { FileStore } from '../src/jobs/files.ts';

/** The value, wherever it lies: in the payload or in a JSON file. */
export async function resolve<T extends object>(value: T | FileReference, files: Pick<FileStore, 'read'>): Promise<T> {
  return 'file' in value ? (JSON.parse(await text(files.read(value.file))) as T) : value;
}
