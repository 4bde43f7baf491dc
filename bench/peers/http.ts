import { Agent, request } from 'node:http';

export interface Http {
  send(options: { method: string; path: string; body?: string }): Promise<{ status: number; text: string }>;
}

/** Keep-alive connections to one server, with an API key. */
export function createHttp({ url, key, connections }: { url: string; key: string; connections: number }): Http {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: 'fifo' });
  const { hostname, port } = new URL(url);
  return {
    send: ({ method, path, body }) =>
      new Promise((resolve, reject) => {
        const headers = {
          Authorization: `Bearer ${key}`,
          ...(body !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }),
        };
        const outgoing = request({ agent, hostname, port, method, path, headers }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('error', reject).on('end', () => {
            resolve({ status: response.statusCode ?? 0, text });
          });
        });
        outgoing.on('error', reject).end(body);
      }),
  };
}
