import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

import type { Stage } from './stage.ts';

/** A way to a server that can be cut in one direction: from then on nothing that is said arrives, and nobody is told. */
export interface StallingProxy {
  port: number;
  stall(): void;
  close(): void;
}

export async function openStallingProxy(stage: Stage, target: { host: string; port: number }): Promise<StallingProxy> {
  const callers = new Set<Socket>();
  let stalled = false;
  const server = createServer((caller) => {
    const callee = connect(target.port, target.host);
    callers.add(caller);
    for (const [one, other] of [
      [caller, callee],
      [callee, caller],
    ] as const) {
      one.on('error', () => undefined);
      one.once('close', () => other.destroy());
    }
    caller.on('data', (chunk) => {
      if (!stalled) callee.write(chunk);
    });
    callee.on('data', (chunk) => caller.write(chunk));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.close();
    for (const caller of callers) caller.destroy();
  };
  return stage.closing(
    {
      port: (server.address() as AddressInfo).port,
      stall() {
        stalled = true;
      },
      close,
    },
    close,
  );
}
