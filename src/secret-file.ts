import { link, readFile, rm, writeFile } from 'node:fs/promises';

/** The secret in this file, made on first use. Readable by the owner only; never half-written. */
export async function keptSecret(path: string, make: () => string): Promise<string> {
  const kept = await readIfThere(path);
  if (kept !== undefined) return kept;
  const temporary = `${path}.${String(process.pid)}.tmp`;
  await writeFile(temporary, `${make()}\n`, { mode: 0o600 });
  try {
    // Fails when somebody else was faster; then theirs is the one.
    await link(temporary, path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(temporary, { force: true });
  }
  return (await readFile(path, 'utf8')).trim();
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim() || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
