import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** Everything below a directory, by relative path. */
export const filesBelow = async (directory: string): Promise<string[]> =>
  (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
