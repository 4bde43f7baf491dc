import { createHash } from 'node:crypto';
import { mkdir, realpath, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';

export interface DataDirLock {
  release(): Promise<void>;
}

/**
 * Lets one process only open a data directory: PGlite does not refuse a second one, and loses data then.
 * The lock is a listening unix socket, which the kernel takes away with its process, after `kill -9` too. It does not keep
 * a process alive. On Linux it holds within one network namespace: containers that share a volume are not kept apart.
 *
 * Creates the directory when it is missing. Throws when another process, or this one, has the lock.
 */
export async function lockDataDir(
  dataDir: string,
  { platform = process.platform }: { platform?: NodeJS.Platform } = {},
): Promise<DataDirLock> {
  await mkdir(dataDir, { recursive: true });
  const directory = await realpath(dataDir);
  const server = platform === 'linux' ? await listen(abstractName(directory)) : await listenAtFile(join(directory, 'lock.sock'));
  if (!server)
    throw new Error(`The data directory ${directory} is in use by another process: stop it, or set HANDOFF_DATA_DIR to another directory.`);
  server.unref();
  return {
    async release() {
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Exactly 108 bytes, the size of the kernel's field: some versions of Node fill shorter names up with zeros, others don't. */
function abstractName(directory: string): string {
  return `\0handoff-data-dir-${createHash('sha256').update(directory).digest('hex')}`.padEnd(108, '-');
}

/** The file outlives its process, so an address in use may be free in truth: nobody answers there then. */
async function listenAtFile(path: string): Promise<Server | undefined> {
  const server = await listen(path);
  if (server || (await answers(path))) return server;
  await rm(path, { force: true });
  return await listen(path);
}

/** Undefined when the address is in use. */
async function listen(path: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  return await new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(path, () => {
      resolve(server);
    });
  });
}

async function answers(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    const done = (result: boolean) => () => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', done(true)).once('error', done(false));
  });
}
