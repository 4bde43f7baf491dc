import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Cutting {
  readonly endpoint: string;
  /** How often it was done. */
  readonly cut: number;
  close(): Promise<void>;
}

/** A way to an HTTP service on which the first answers to GET break off. */
export async function cutting(target: string, { afterBytes, times }: { afterBytes: number; times: number }): Promise<Cutting> {
  let cut = 0;
  const server = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const onward = request(new URL(url ?? '/', target), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      outgoing.flushHeaders();
      const cuts = method === 'GET' && cut < times;
      if (cuts) cut += 1;
      let left = cuts ? afterBytes : Infinity;
      answer.on('data', (chunk: Buffer) => {
        outgoing.write(chunk.subarray(0, left));
        left -= chunk.length;
        // Once what came before is on its way.
        if (left <= 0) outgoing.write('', () => void outgoing.destroy());
      });
      answer.on('end', () => outgoing.end());
      answer.on('error', () => outgoing.destroy());
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    get cut() {
      return cut;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
