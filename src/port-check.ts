import { createServer } from 'node:net';

/** Throws when nobody could listen on this port now, naming the environment variable that moves it. */
export async function assertPortFree(port: number, variable: string, host = '127.0.0.1'): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host, exclusive: true }, resolve);
    });
  } catch (cause) {
    throw new Error(`Port ${String(port)} ${reason(cause)}: set ${variable} to another one.`, { cause });
  }
  await new Promise((resolve) => server.close(resolve));
}

function reason(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return 'is in use';
  if (code === 'EACCES') return 'may not be opened by this user';
  return `can't be opened (${String(error)})`;
}
