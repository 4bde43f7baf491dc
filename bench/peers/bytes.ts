import { createHash, randomFillSync } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { serve } from './serve.ts';

export type Bytes =
  | { kind: 'fill'; size: number }
  /** As the part `file` of a multipart body. */
  | { kind: 'post'; url: string; key: string; path: string; expect: number }
  | { kind: 'write'; path: string };

export interface Moved {
  seconds: number;
  /** Of the answer to `post`; the hash of `write`. */
  text: string;
}

const chunkBytes = 64 * 1024;
let chunks: Buffer[] = [];

/** Other bytes each time, and none that begin like a picture. */
function fill(size: number): void {
  chunks = Array.from({ length: Math.ceil(size / chunkBytes) }, (_, index) =>
    randomFillSync(Buffer.allocUnsafe(Math.min(chunkBytes, size - index * chunkBytes))),
  );
  chunks[0]?.write('random bytes: ');
}

async function write(path: string): Promise<string> {
  const hash = createHash('sha256');
  async function* hashed(source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      hash.update(chunk);
      yield chunk;
    }
  }
  // `flush`: synced to the disk before it closes.
  await pipeline(Readable.from(chunks), hashed, createWriteStream(path, { flush: true }));
  return hash.digest('hex');
}

async function post({ url, key, path, expect }: Extract<Bytes, { kind: 'post' }>): Promise<string> {
  const boundary = 'handoff-bench';
  const head = Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="random.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const size = head.length + tail.length + chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': `multipart/form-data; boundary=${boundary}`, 'Content-Length': size };
  const outgoing = request(new URL(path, url), { method: 'POST', headers });
  const answered = new Promise<string>((resolve, reject) => {
    outgoing.once('error', reject).once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('error', reject).on('end', () => {
        if (response.statusCode === expect) resolve(text);
        else reject(new Error(`${path} answered ${String(response.statusCode)}: ${text}`));
      });
    });
  });
  await Promise.all([pipeline(Readable.from([head, ...chunks, tail]), outgoing), answered]);
  return answered;
}

serve(async (order: Bytes): Promise<Moved> => {
  const since = performance.now();
  const text = order.kind === 'fill' ? (fill(order.size), '') : order.kind === 'write' ? await write(order.path) : await post(order);
  return { seconds: (performance.now() - since) / 1000, text };
});
