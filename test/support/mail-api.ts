import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface ApiRequest {
  path: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
}

/** `lost`: the request is read, and the connection dies. */
export type ApiAnswer = { status: number; body?: object | string; headers?: Record<string, string> } | 'lost';

/** A local server in place of a mail provider's API: keeps what it gets, and answers as it is told, in turn. */
export async function startMailApi(usual: ApiAnswer) {
  const requests: ApiRequest[] = [];
  const answers: ApiAnswer[] = [];
  const server = createServer((request, response) => {
    const answerTo = (body: string) => {
      requests.push({ path: request.url ?? '', headers: request.headers, body: JSON.parse(body) as Record<string, unknown> });
      const answer = answers.shift() ?? usual;
      if (answer === 'lost') {
        request.socket.destroy();
        return;
      }
      response.writeHead(answer.status, { 'Content-Type': 'application/json', ...answer.headers });
      response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}));
    };
    text(request).then(answerTo, () => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    requests,
    answers,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
