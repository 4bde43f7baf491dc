import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';

import { errnoOf } from './disk-failure.ts';
import { fileMode } from './disk-places.ts';

export interface ClaimTiming {
  /** Between signs of life, in milliseconds. */
  beatMs?: number;
  /** Who has given none for so long has died. At least three times as long; and longer than clocks differ that share the directory. */
  staleMs?: number;
}

export interface DiskClaim {
  /** @throws when this process stood still for so long that others may take it for dead. */
  assertMine: () => void;
  release(): Promise<void>;
}

const here = hostname();
/** Paths that this process has claimed. */
const ours = new Set<string>();
/** Somebody waits: beside the claim. */
const wantedOf = (path: string) => `${path}.wanted`;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

/** Whether its process has gone, as far as this can be told on this machine. In a container, a process may have the id of the one before. */
function isLeftBehind(content: string, path: string): boolean {
  const [host, pid] = content.split(' ');
  return host === here && (Number(pid) === process.pid ? !ours.has(path) : !isAlive(Number(pid)));
}

/** @param at where the claim to `path` lies now. */
async function isStale(path: string, staleMs: number, at = path): Promise<boolean> {
  try {
    return Date.now() - (await stat(at)).mtimeMs > staleMs || isLeftBehind(await readFile(at, 'utf8'), path);
  } catch {
    return false;
  }
}

/** Looking and then removing would leave a gap: it is taken away first, looked at, and put back if it is a new one. */
async function takeAway(path: string, staleMs: number): Promise<void> {
  const taken = `${path}.${randomUUID()}`;
  try {
    await rename(path, taken);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  if (!(await isStale(path, staleMs, taken))) await link(taken, path).catch(() => undefined);
  await rm(taken, { force: true });
}

/**
 * One process at a time, on this machine or on another one with the same directory. What it leaves behind when it dies is
 * taken at once on the same machine, and after `staleMs` elsewhere.
 * @param onWanted somebody else waits for it.
 * @returns undefined: somebody has it, who is told that it is wanted.
 */
export async function claimOnDisk(
  path: string,
  onWanted: () => void,
  { beatMs = 5_000, staleMs = 30_000 }: ClaimTiming = {},
): Promise<DiskClaim | undefined> {
  const create = () =>
    open(path, 'wx', fileMode).catch((error: unknown) => (errnoOf(error) === 'EEXIST' ? undefined : Promise.reject(error as Error)));
  let file = await create();
  if (file === undefined && (await isStale(path, staleMs))) {
    await takeAway(path, staleMs);
    file = await create();
  }
  if (file === undefined) {
    await writeFile(wantedOf(path), '', { mode: fileMode });
    return undefined;
  }
  const mine = file;
  ours.add(path);
  const giveUp = async () => {
    ours.delete(path);
    await mine.close();
    await rm(path, { force: true });
  };
  let beatAt = performance.now();
  try {
    await mine.writeFile(`${here} ${String(process.pid)}`);
    await rm(wantedOf(path), { force: true });
  } catch (error) {
    await giveUp();
    throw error;
  }
  const beat = async () => {
    const at = performance.now();
    const now = new Date();
    // Of this very file: should somebody have taken the claim, then theirs is another one.
    await mine.utimes(now, now);
    beatAt = at;
    await stat(wantedOf(path)).then(onWanted, () => undefined);
  };
  const timer = setInterval(() => {
    beat().catch(() => undefined);
  }, beatMs).unref();
  return {
    assertMine: () => {
      if (performance.now() - beatAt > staleMs / 2) throw new Error('A claim on a partial upload is lost');
    },
    async release() {
      clearInterval(timer);
      if (performance.now() - beatAt <= staleMs / 2) return giveUp();
      // Somebody else may have it by now.
      ours.delete(path);
      await mine.close();
    },
  };
}
