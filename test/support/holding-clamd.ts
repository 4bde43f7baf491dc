import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

export interface HoldingClamd {
  readonly url: string;
  /** While true, nothing is said about files with that text in their first bytes. */
  holding: boolean;
  close(): Promise<void>;
}

/** What a worker takes for a clamd: it finds nothing, and can be made to never answer. @param text marks files to be held. */
export async function startHoldingClamd(text: string): Promise<HoldingClamd> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let [first, last] = ['', ''];
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.setEncoding('latin1').on('data', (received: string) => {
      if (first.length < 1_000) first += received;
      last = (last + received).slice(-4);
      if (first === 'zVERSION\0') socket.end('ClamAV 1.4.3/27800/Sun Nov 29 09:30:00 2026\0');
      else if (last === '\0\0\0\0' && !(clamd.holding && first.includes(text))) socket.end('stream: OK\0');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const clamd: HoldingClamd = {
    url: `tcp://127.0.0.1:${String(port)}`,
    holding: true,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return clamd;
}
