import { execFile, spawn } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { freePort } from '../../test/support/free-port.ts';
import { keep, type Stage, temporaryDirectory, until } from '../stage.ts';
import { installCelery } from './celery-install.ts';

const run = promisify(execFile);
const folder = fileURLToPath(new URL('./celery_images/', import.meta.url));

/**
 * Celery with Redis and Pillow, set up for speed: no results, and tasks that are acknowledged before they run.
 * @returns what gives it pictures, and tells the seconds from the first task to the last variant.
 * @throws NoCelery when it can't be had here.
 */
export async function celeryImages(
  stage: Stage,
  { sides, concurrency }: { sides: readonly number[]; concurrency: number },
): Promise<(path: string, pictures: number) => Promise<number>> {
  const python = await installCelery(stage.say, folder);
  const directory = await temporaryDirectory(stage);
  const target = join(directory, 'target');
  await mkdir(target);
  const redisPort = String(await freePort());
  keep(stage, spawn('redis-server', ['--port', redisPort, '--bind', '127.0.0.1', '--dir', directory], { stdio: 'ignore' }));
  await until(() => run('redis-cli', ['-p', redisPort, 'ping']));
  const env = {
    ...process.env,
    ...{ PYTHONDONTWRITEBYTECODE: '1', C_FORCE_ROOT: '1', BENCH_TARGET: target, BENCH_SIDES: JSON.stringify(sides) },
    BENCH_REDIS_URL: `redis://127.0.0.1:${redisPort}/0`,
  };
  const quiet = ['--loglevel', 'ERROR', '--without-gossip', '--without-mingle', '--without-heartbeat'];
  const worker = spawn(python, ['-m', 'celery', '-A', 'celery_images', 'worker', '--concurrency', String(concurrency), ...quiet], {
    ...{ cwd: folder, env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // Its processes end with it: SIGTERM, also when this process is told to stop.
  keep(stage, worker, 'SIGTERM');
  let printed = '';
  worker.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await until(() => {
    if (!printed.includes('ready')) throw new Error('The Celery worker does not begin');
  });
  return async (path, pictures) => {
    for (const name of await readdir(target)) await run('rm', [join(target, name)]);
    const { stdout: began } = await run(python, ['celery_images.py', path, String(pictures)], { cwd: folder, env });
    await until(
      async () => {
        const made = (await readdir(target)).filter((name) => name.endsWith('.jpg')).length;
        if (made < pictures * sides.length) throw new Error(`Celery has made ${String(made)} variants`);
      },
      { within: 15 * 60_000, every: 10 },
    );
    return Date.now() / 1_000 - Number(began);
  };
}
