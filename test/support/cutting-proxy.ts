import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface CuttingProxy {
  readonly port: number;
  /** Connections that were cut. */
  cuts(): number;
  close(): Promise<void>;
}

/**
 * A way to a server whose connections break: each after so many bytes as `next` says, in either direction. What the server has read by then, it has read.
 */
export async function startCuttingProxy(port: number, next: () => number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let cuts = 0;
  const server: Server = createServer((caller) => {
    const callee = connect(port, '127.0.0.1');
    let left = next();
    for (const [one, other] of [
      [caller, callee],
      [callee, caller],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.once('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.on('data', (chunk: Buffer) => {
        const passing = chunk.subarray(0, left);
        left -= passing.byteLength;
        if (left > 0) {
          if (!other.write(passing)) {
            one.pause();
            other.once('drain', () => one.resume());
          }
          return;
        }
        cuts += 1;
        other.write(passing, () => {
          caller.destroy();
          callee.destroy();
        });
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cuts: () => cuts,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
