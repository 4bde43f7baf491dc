import { readFileSync } from 'node:fs';

/** Linux counts processor time in these. */
const ticksPerSecond = 100;
export const mebibyte = 1024 * 1024;

/** Resident memory of one process, in bytes. Linux only. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1];
  if (kilobytes === undefined) throw new Error(`Process ${String(pid)} has no memory: it has ended`);
  return Number(kilobytes) * 1024;
}

/** Ticks of `/proc/<pid>/stat`, by their place behind the name of the program, in milliseconds. */
function milliseconds(pid: number, places: readonly number[]): number {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (places.reduce((sum, place) => sum + Number(fields[place]), 0) / ticksPerSecond) * 1000;
}

/** Processor time that a process has used so far, user and system, all threads, in milliseconds. Linux only. */
export const cpuMilliseconds = (pid: number): number => milliseconds(pid, [11, 12]);

/** The same of its children that have ended, and theirs. */
export const endedChildrenMilliseconds = (pid: number): number => milliseconds(pid, [13, 14]);

/** Processor time of each of these while `work` runs, in milliseconds. */
export async function cpuDuring<Name extends string, T>(pids: Record<Name, number>, work: () => Promise<T>) {
  const names = Object.keys(pids) as Name[];
  const before = names.map((name) => cpuMilliseconds(pids[name]));
  const result = await work();
  const used = names.map((name, index) => [name, cpuMilliseconds(pids[name]) - (before[index] ?? 0)] as const);
  return { result, cpu: Object.fromEntries(used) as Record<Name, number> };
}

/** Between looks at the memory of a process. */
export const lookEveryMs = 10;

/** With the highest resident size meanwhile, in bytes. */
export async function watched<T>(pid: number, work: () => Promise<T>): Promise<{ result: T; peak: number }> {
  let peak = residentBytes(pid);
  const timer = setInterval(() => (peak = Math.max(peak, residentBytes(pid))), lookEveryMs);
  try {
    return { result: await work(), peak };
  } finally {
    clearInterval(timer);
  }
}
