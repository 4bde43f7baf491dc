import { spawnSync } from 'node:child_process';

/** Why a test is skipped that needs a program of the system; undefined: it is there. */
export function missing(...programs: string[]): string | undefined {
  const absent = programs.filter((program) => spawnSync(program, ['-version'], { stdio: 'ignore' }).error !== undefined);
  return absent.length === 0 ? undefined : `${absent.join(', ')} not installed`;
}
