import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = fileURLToPath(new URL('../../node_modules/.cache/handoff/', import.meta.url));

/** The python of an environment with these requirements, made once for each version of them. @throws when Python or pip's index is missing */
export async function pythonWith(name: string, requirements: string): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 12);
  const environment = join(cache, `${name}-${hash}`);
  const python = join(environment, 'bin/python');
  const made = await access(python).then(
    () => true,
    () => false,
  );
  if (made) return python;
  await mkdir(cache, { recursive: true });
  const unfinished = `${environment}.${String(process.pid)}`;
  try {
    await run('python3', ['-m', 'venv', unfinished]);
    await run(join(unfinished, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
    await rename(unfinished, environment);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return python;
}
