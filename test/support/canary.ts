import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Something on this machine that nobody should reach. */
export interface Canary {
  readonly port: number;
  /** Connections that were made, whatever was said in them. */
  readonly connections: number;
  readonly requests: IncomingMessage[];
  close(): Promise<void>;
}

export async function startCanary(
  host = '127.0.0.1',
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => response.end('secret'),
): Promise<Canary> {
  let connections = 0;
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  server.on('connection', () => connections++);
  server.listen(0, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    requests,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
