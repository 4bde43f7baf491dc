import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Older ones are left-overs of crashes: longer than the Start-To-Close time-out of any step of an upload. */
const leftOverMs = 2 * 60 * 60 * 1000;
const sweepEachMs = 10 * 60 * 1000;
const sweptAt = new Map<string, number>();

/** Whoever opens it removes it; what crashes have left is removed on the way. */
export async function openWorkDirectory(root: string): Promise<string> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  const now = Date.now();
  if (now - (sweptAt.get(root) ?? 0) > sweepEachMs) {
    sweptAt.set(root, now);
    await sweep(root, now - leftOverMs);
  }
  return mkdtemp(join(root, 'image-'));
}

/** Harmless beside pictures that are worked on, by other processes too. */
async function sweep(root: string, oldest: number): Promise<void> {
  for (const name of await readdir(root)) {
    if (!/^image-\w{6}$/.test(name)) continue;
    const directory = join(root, name);
    const facts = await stat(directory).catch(() => undefined);
    if (facts !== undefined && facts.mtimeMs < oldest) await rm(directory, { recursive: true, force: true });
  }
}
