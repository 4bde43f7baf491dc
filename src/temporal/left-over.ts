import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Kills the program named in a pid file and waits until it is gone. A process that has taken over an old pid is left alone:
 * ours has `mark` in its command line. Resolves with the pid killed, or undefined when there was none.
 *
 * Throws when it is still there after 10 s.
 */
export async function killLeftOver(pidFile: string, mark: string): Promise<number | undefined> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  let killed: number | undefined;
  if (Number.isInteger(pid) && pid > 1) {
    const deadline = Date.now() + 10_000;
    while (await isOurs(pid, mark)) {
      if (Date.now() > deadline)
        throw new Error(`Temporal (process ${String(pid)}) from an earlier run can't be stopped: kill it, then start again.`);
      kill(pid);
      killed = pid;
      await sleep(50);
    }
  }
  await rm(pidFile, { force: true });
  return killed;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just gone, or it belongs to another user; the caller looks again.
  }
}

/** A process that is dead and only waits to be collected has no command line, so it counts as gone. */
async function isOurs(pid: number, mark: string): Promise<boolean> {
  if (process.platform === 'linux') {
    const commandLine = await readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => '');
    return commandLine.split('\0').includes(mark);
  }
  const { stdout } = await run('ps', ['-ww', '-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout.includes(mark);
}
