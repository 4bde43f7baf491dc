import { execFile } from 'node:child_process';
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = fileURLToPath(new URL('../../node_modules/.cache/handoff/', import.meta.url));
export const celeryFolder = fileURLToPath(new URL('./celery_mail/', import.meta.url));

class NoCelery extends Error {
  override readonly name = 'NoCelery';
}

async function works(command: string, args: string[]): Promise<boolean> {
  return run(command, args).then(
    () => true,
    () => false,
  );
}

/**
 * Celery in a Python environment of its own, made once for each version.
 * @returns the path of its python.
 * @throws NoCelery when Python, pip's index or Redis is missing.
 */
export async function installCelery(say: (line: string) => void, folder = celeryFolder): Promise<string> {
  if (!(await works('redis-server', ['--version']))) throw new NoCelery('Celery needs a broker: no redis-server here');
  const requirements = join(folder, 'requirements.txt');
  const hash = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 12);
  const environment = join(cache, `celery-${hash}`);
  const python = join(environment, 'bin/python');
  if (
    await access(python).then(
      () => true,
      () => false,
    )
  )
    return python;
  say('installing Celery …');
  await mkdir(cache, { recursive: true });
  // A Python environment may be moved as long as it is used by the path of its python only.
  const unfinished = `${environment}.${String(process.pid)}`;
  try {
    await run('python3', ['-m', 'venv', unfinished]);
    await run(join(unfinished, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
    await rename(unfinished, environment);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw new NoCelery('Celery could not be installed with python3 -m venv and pip', { cause: error });
  }
  return python;
}
