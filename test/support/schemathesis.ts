import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Not newer without a look at its checks: new ones may read the document in their own way. */
const version = '4.32.0';

async function isUsable(program: string): Promise<boolean> {
  const { stdout } = await run(program, ['--version']).catch(() => ({ stdout: '' }));
  return stdout.includes(version);
}

/** Path of schemathesis (from PyPI, in a Python environment of its own, made once), or why there is none to test with. */
export async function findSchemathesis(): Promise<string | { skipped: string }> {
  if (await isUsable('schemathesis')) return 'schemathesis';
  const place = resolve(process.env['HANDOFF_CACHE_DIR'] ?? join(homedir(), '.cache', 'handoff'), `schemathesis-${version}`);
  const program = join(place, 'bin', 'schemathesis');
  if (existsSync(program) && (await isUsable(program))) return program;
  try {
    await mkdir(resolve(place, '..'), { recursive: true });
    await run('python3', ['-m', 'venv', '--clear', place], { timeout: 120_000 });
    await run(join(place, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', `schemathesis==${version}`], { timeout: 300_000 });
    if (await isUsable(program)) return program;
    throw new Error('it does not start');
  } catch (error) {
    await rm(place, { recursive: true, force: true });
    const reason = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? (error as Error).message;
    return { skipped: `schemathesis ${version} could not be installed: ${reason.slice(0, 120)}` };
  }
}
