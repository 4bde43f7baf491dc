import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { createClamd } from '../../src/scanning/clamd.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';

const run = promisify(execFile);
const program = '/usr/sbin/clamd';

/** Why there is no ClamAV to test with; `undefined` when there is one. */
export async function whyNoClamd(): Promise<string | undefined> {
  return run(program, ['--version']).then(
    () => undefined,
    () => 'no clamd (clamav-daemon) here',
  );
}

/** What every scanner takes for a virus, and is none. Put together here, so that this file is none either. */
export const eicar = Buffer.from(['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE', '!$H+H*'].join(''), 'latin1');

/** Knows that one, anywhere in a file of any type: a name, the type (0: any), where (*: anywhere), and the bytes. */
const signatures = `Eicar-Test:0:*:${eicar.toString('hex')}\n`;

export interface TestClamd {
  readonly url: string;
  readonly address: { host: string; port: number };
  readonly log: () => Promise<string>;
  /** Ends it; `start` brings it up again at the same place. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** A clamd of its own: on loopback, with one signature, in a temporary directory. @param settings lines of clamd.conf */
export async function startClamd(settings: readonly string[] = []): Promise<TestClamd> {
  const directory = await mkdtemp(join(tmpdir(), 'handoff-clamd-'));
  // As root it may give up its rights, and must still come through.
  await chmod(directory, 0o755);
  const [database, conf, logFile] = [join(directory, 'db'), join(directory, 'clamd.conf'), join(directory, 'log')];
  await mkdir(database);
  await writeFile(join(database, 'eicar.ndb'), signatures);
  const port = await freePort();
  const lines = [
    ...['Foreground yes', `LogFile ${logFile}`, `DatabaseDirectory ${database}`, `TemporaryDirectory ${directory}`],
    ...['TCPAddr 127.0.0.1', `TCPSocket ${String(port)}`, 'MaxThreads 4', ...settings],
  ];
  await writeFile(conf, `${lines.join('\n')}\n`);
  const log = () => readFile(logFile, 'utf8').catch(() => '(no log)');
  const address = { host: '127.0.0.1', port };
  let server: ReturnType<typeof spawn> | undefined;
  async function stop(): Promise<void> {
    if (server?.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill('SIGTERM');
    await exited;
  }
  async function start(): Promise<void> {
    server = spawn(program, ['-c', conf], { stdio: 'ignore' });
    const { engine } = createClamd({ address, silenceSeconds: 5 });
    try {
      await eventually(() => engine());
    } catch {
      const said = await log();
      await stop();
      throw new Error(`clamd does not answer. Its log:\n${said}`);
    }
  }
  const close = async (): Promise<void> => {
    await stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return { url: `tcp://127.0.0.1:${String(port)}`, address, log, stop, start, close };
}
