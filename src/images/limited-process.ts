import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';

export interface ProcessLimits {
  /** What it may allocate, in MiB. */
  memoryMb: number;
  /** Of one file that it writes, in MiB. */
  fileMb: number;
  /** Of processor time, in seconds: for processes that do one thing. */
  cpuSeconds?: number;
}

/**
 * Nothing of our environment but what running needs; no core dumps; the first one to go when the machine has no memory left.
 * Of memory RLIMIT_DATA: V8 reserves address space by the gigabyte, which RLIMIT_AS would count. What a system does not limit is
 * left out: macOS knows no limit of memory.
 */
const script = `
for limit in "-c 0" "-d $1" "-f $2" "-t $3"; do ulimit $limit 2>/dev/null || :; done
{ echo 1000 > /proc/self/oom_score_adj; } 2>/dev/null || :
shift 3
for name in $(env | sed -n 's/^\\([A-Za-z_][A-Za-z0-9_]*\\)=.*/\\1/p'); do
  case $name in PATH|NODE_OPTIONS|NODE_CHANNEL_FD|NODE_CHANNEL_SERIALIZATION_MODE) ;; *) unset "$name" ;; esac
done
export LC_ALL=C.UTF-8 MALLOC_ARENA_MAX=2
exec "$@"`;

/** A process that can not take more than its limits, whatever it is made to read. */
export function spawnLimited(
  command: readonly string[],
  { memoryMb, fileMb, cpuSeconds }: ProcessLimits,
  options: { cwd: string; stdio: StdioOptions },
): ChildProcess {
  // dash and bash count memory in KiB; files in blocks of 512 bytes (dash) or KiB (bash).
  const limits = [String(memoryMb * 1024), String(fileMb * 2048), cpuSeconds === undefined ? 'unlimited' : String(cpuSeconds)];
  return spawn('/bin/sh', ['-c', script, 'sh', ...limits, ...command], options);
}
