import { connect, createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

import type { Stage } from './stage.ts';

export interface DatabaseCount {
  /** In place of the one given: the same database, through this process. */
  url: string;
  /** Statements since the last call, by what they do to which table: `select api_keys`. */
  taken(): Map<string, number>;
}

const startUpHeader = 4;
const [query, parse] = ['Q'.charCodeAt(0), 'P'.charCodeAt(0)];

function kindOf(statement: string): string {
  const verb = /^\s*(\w+)/.exec(statement)?.[1]?.toLowerCase() ?? '?';
  const table = /\b(?:from|into|update)\s+"?(\w+)/i.exec(statement)?.[1];
  return table === undefined ? verb : `${verb} ${table}`;
}

/** Reads what a client sends (PostgreSQL protocol 3.0, without TLS): a start message without a type, then type, length and body. */
function statementsOf(onStatement: (text: string) => void): (chunk: Buffer) => void {
  let [pending, started]: [Buffer, boolean] = [Buffer.alloc(0), false];
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const typeBytes = started ? 1 : 0;
      if (pending.length < typeBytes + startUpHeader) return;
      const end = typeBytes + pending.readInt32BE(typeBytes);
      if (pending.length < end) return;
      const [type, body] = [pending[0], pending.subarray(typeBytes + startUpHeader, end)];
      // The name of a prepared statement comes before its text; `pg` gives none unless asked to.
      if (started && type === query) onStatement(body.toString('utf8', 0, body.indexOf(0)));
      if (started && type === parse) onStatement(body.toString('utf8', body.indexOf(0) + 1));
      started = true;
      pending = pending.subarray(end);
    }
  };
}

/** Counts on the wire what one client asks the database, so that the client itself runs as it is shipped. */
export async function countStatements(stage: Stage, databaseUrl: string): Promise<DatabaseCount> {
  const { hostname, port } = new URL(databaseUrl);
  let counts = new Map<string, number>();
  const read = () =>
    statementsOf((text) => {
      const kind = kindOf(text);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    });
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port || 5432), hostname);
    const onChunk = read();
    client.on('data', onChunk).pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true).on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.closing(server, (open) => {
    open.close();
    for (const socket of sockets) socket.destroy();
  });
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return {
    url: url.href,
    taken() {
      const before = counts;
      counts = new Map();
      return before;
    },
  };
}
