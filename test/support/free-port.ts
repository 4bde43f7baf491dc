import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below those that systems give to outgoing connections (from 32768 on Linux): one of them may take such a port at any moment. */
const [first, last] = [10_000, 32_000];

/** A port that nobody has at the moment. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + Math.floor(Math.random() * (last - first));
    const server = createServer();
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening');
    } catch {
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}
