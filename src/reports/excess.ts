import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { AppError } from '../errors.ts';
import { type EngineLimits, spillDirectory } from './duckdb.ts';

/**
 * Whether a query that runs has written more than it may. The engine has a limit on what it spills, but sorting goes beyond it.
 * @param path of the result
 * @param directory of the engine
 */
export async function excessOf(path: string, directory: string, { memoryMb, diskMb }: EngineLimits): Promise<AppError | undefined> {
  const most = diskMb * 1024 * 1024;
  if ((await sizeOf(path)) > most) return new AppError('query_too_large', `The result of the query is larger than ${String(diskMb)} MiB.`);
  const place = spillDirectory(directory);
  let spilled = 0;
  for (const name of await readdir(place).catch(() => [])) spilled += await sizeOf(join(place, name));
  if (spilled <= most) return undefined;
  return new AppError('query_too_large', `The query needs more than ${String(memoryMb)} MiB of memory, or ${String(diskMb)} MiB on disk.`);
}

const sizeOf = async (path: string) => (await stat(path).catch(() => undefined))?.size ?? 0;
