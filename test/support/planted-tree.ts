import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** A small product in a temporary directory, with our packages and compiler options, for planting mistakes in it. */
export async function plantTree(files: Record<string, string>): Promise<{ directory: string; remove(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'handoff-planted-'));
  await symlink(resolve('node_modules'), join(directory, 'node_modules'));
  for (const name of ['package.json', 'tsconfig.json']) await copyFile(name, join(directory, name));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}
