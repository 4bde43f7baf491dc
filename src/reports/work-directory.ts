import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Older ones are left-overs of crashes: longer than the Start-To-Close time-out of any step of a report. */
const leftOverMs = 7 * 60 * 60 * 1000;

/** Whoever opens it removes it; what crashes have left is removed on the way. */
export async function openWorkDirectory(root: string): Promise<string> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  await sweepWorkDirectories(root, { olderThanMs: leftOverMs });
  return mkdtemp(join(root, 'report-'));
}

/** Harmless beside reports that run, in other processes too. */
async function sweepWorkDirectories(root: string, { olderThanMs }: { olderThanMs: number }): Promise<void> {
  const oldest = Date.now() - olderThanMs;
  for (const name of await readdir(root)) {
    if (!/^report-\w{6}$/.test(name)) continue;
    const directory = join(root, name);
    const facts = await stat(directory).catch(() => undefined);
    if (facts !== undefined && facts.mtimeMs < oldest) await rm(directory, { recursive: true, force: true });
  }
}
