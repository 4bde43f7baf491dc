import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

import { serve } from './serve.ts';

/** A server that writes, hashes and syncs whatever body comes, and parses nothing of it. Answers with its port. */
serve(
  ({ path }: { path: string }) =>
    new Promise<number>((resolve) => {
      const server = createServer((request, response) => {
        const hash = createHash('sha256');
        request.on('data', (chunk: Buffer) => hash.update(chunk));
        pipeline(request, createWriteStream(path, { flush: true })).then(
          () => response.writeHead(202).end(hash.digest('hex')),
          () => response.destroy(),
        );
      }).listen(0, '127.0.0.1', () => {
        resolve((server.address() as AddressInfo).port);
      });
    }),
);
