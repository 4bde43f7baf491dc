import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';

import { serve } from './serve.ts';

export interface Followers {
  url: string;
  key: string;
  /** Of event streams, in turn. */
  paths: readonly string[];
  /** How many are to be open from now on; the first ones stay. */
  clients: number;
}

const open: ClientRequest[] = [];
const agent = new Agent({ keepAlive: false, maxSockets: Infinity });

/** Resolves when its first event has come. */
function follow(url: string, key: string): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent, headers: { Authorization: `Bearer ${key}` } }, (response: IncomingMessage) => {
      if (response.statusCode !== 200) reject(new Error(`An event stream answered ${String(response.statusCode)}`));
      response.on('data', (chunk: Buffer) => {
        if (chunk.includes('event: ')) resolve(asked);
      });
      response.on('error', reject);
    });
    asked.on('error', reject).end();
  });
}

/** Clients that follow jobs and do nothing else. */
serve(async ({ url, key, paths, clients }: Followers): Promise<number> => {
  for (const client of open.splice(clients)) client.destroy();
  while (open.length < clients) open.push(await follow(`${url}${paths[open.length % paths.length] ?? ''}`, key));
  return open.length;
});
