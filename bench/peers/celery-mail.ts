import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

import { freePort } from '../../test/support/free-port.ts';
import { mail, sender } from '../mail.ts';
import { cpuMilliseconds } from '../process-facts.ts';
import { keep, type Stage, temporaryDirectory, until } from '../stage.ts';
import { celeryFolder, installCelery } from './celery-install.ts';

const run = promisify(execFile);

export interface CeleryMailing {
  messages: number;
  /** Of the sink. */
  smtpPort: number;
  /** Worker processes, each with a connection of its own. */
  concurrency: number;
  /** How many messages the sink has taken so far. */
  taken: () => Promise<number>;
}

export interface CeleryMailed {
  /** From the first task that is put into the queue to the last message that the sink has taken. */
  messagesPerSecond: number;
  /** Of the workers and of Redis; what puts the tasks into the queue is not in it. */
  cpuSecondsPerThousand: number;
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

/**
 * Celery with Redis, set up for speed: no results, tasks that are acknowledged before they run (a killed worker loses them), and
 * Redis as it comes (a crash loses up to a minute or more).
 * @throws NoCelery when it can't be had here.
 */
export async function celeryMailing(stage: Stage, { messages, smtpPort, concurrency, taken }: CeleryMailing): Promise<CeleryMailed> {
  const python = await installCelery(stage.say);
  const directory = await temporaryDirectory(stage);
  const redisPort = String(await freePort());
  const redis = spawn('redis-server', ['--port', redisPort, '--bind', '127.0.0.1', '--dir', directory], { stdio: 'ignore' });
  const redisKept = keep(stage, redis);
  await until(() => run('redis-cli', ['-p', redisPort, 'ping']));

  const env = {
    ...process.env,
    PYTHONDONTWRITEBYTECODE: '1',
    BENCH_REDIS_URL: `redis://127.0.0.1:${redisPort}/0`,
    BENCH_SMTP_PORT: String(smtpPort),
    BENCH_MAIL: JSON.stringify({ sender, subject: mail.subject, text: mail.text, html: mail.html }),
  };
  const quiet = ['--loglevel', 'ERROR', '--without-gossip', '--without-mingle', '--without-heartbeat'];
  const worker = spawn(python, ['-m', 'celery', '-A', 'celery_mail', 'worker', '--concurrency', String(concurrency), ...quiet], {
    cwd: celeryFolder,
    env: { ...env, C_FORCE_ROOT: '1' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // Its processes end with it: SIGTERM, also when this process is told to stop.
  const workerKept = keep(stage, worker, 'SIGTERM');
  let printed = '';
  worker.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await until(() => {
    if (!printed.includes('ready')) throw new Error('The Celery worker does not begin');
  });

  const main = worker.pid ?? 0;
  const pids = [redis.pid ?? 0, main, ...childrenOf(main)];
  const cpu = () => pids.reduce((sum, pid) => sum + cpuMilliseconds(pid), 0);
  const [before, cpuBefore] = [await taken(), cpu()];
  const { stdout: began } = await run(python, ['celery_mail.py', String(messages)], { cwd: celeryFolder, env });
  await until(
    async () => {
      const missing = before + messages - (await taken());
      if (missing > 0) throw new Error(`Celery has ${String(missing)} messages yet to send`);
    },
    { within: 15 * 60_000, every: 20 },
  );
  const seconds = Date.now() / 1_000 - Number(began);
  const cpuSeconds = (cpu() - cpuBefore) / 1_000;
  await workerKept.stop();
  await redisKept.stop();
  return { messagesPerSecond: messages / seconds, cpuSecondsPerThousand: (cpuSeconds / messages) * 1_000 };
}
