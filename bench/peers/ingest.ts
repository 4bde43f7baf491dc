import { createHash, randomFillSync } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Agent, request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { serve } from './serve.ts';

interface Target {
  url: string;
  key: string;
  size: number;
}

export type Ingest =
  | ({ kind: 'multipart' | 'raw' } & Target)
  /** @param pieceBytes of one `PATCH`. */
  | ({ kind: 'tus'; pieceBytes: number } & Target)
  | { kind: 'write'; path: string; size: number };

export interface Ingested {
  seconds: number;
}

const chunkBytes = 64 * 1024;
/** One gigabyte would not stay in memory beside all else: it is sent again and again, with another beginning each time. */
const base = randomFillSync(Buffer.allocUnsafe(64 * 1024 * 1024));
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function renew(): void {
  randomFillSync(base, 0, chunkBytes);
  // None that begin like a picture.
  base.write('random bytes: ');
}

function* bytesFrom(start: number, end: number): Generator<Buffer> {
  for (let at = start; at < end;) {
    const within = at % base.length;
    const piece = base.subarray(within, Math.min(within + chunkBytes, within + end - at, base.length));
    yield piece;
    at += piece.length;
  }
}

async function write(path: string, size: number): Promise<void> {
  const hash = createHash('sha256');
  async function* hashed(source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      hash.update(chunk);
      yield chunk;
    }
  }
  // `flush`: synced to the disk before it closes.
  await pipeline(Readable.from(bytesFrom(0, size)), hashed, createWriteStream(path, { flush: true }));
  hash.digest();
}

interface Sending {
  method: string;
  path: string;
  headers: Record<string, string | number>;
  body?: Iterable<Buffer>;
  expect: number;
}

async function send({ url, key }: Target, { method, path, headers, body = [], expect }: Sending) {
  const outgoing = request(new URL(path, url), { method, agent, headers: { Authorization: `Bearer ${key}`, ...headers } });
  const answered = new Promise<Record<string, unknown>>((resolve, reject) => {
    outgoing.once('error', reject).once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('error', reject).on('end', () => {
        if (response.statusCode === expect) resolve(response.headers);
        else reject(new Error(`${method} ${path} answered ${String(response.statusCode)}: ${text}`));
      });
    });
  });
  await Promise.all([pipeline(Readable.from(body), outgoing), answered]);
  return answered;
}

function* multipart(size: number): Generator<Buffer> {
  const disposition = 'Content-Disposition: form-data; name="file"; filename="random.bin"';
  yield Buffer.from(`--handoff-bench\r\n${disposition}\r\nContent-Type: application/octet-stream\r\n\r\n`);
  yield* bytesFrom(0, size);
  yield Buffer.from('\r\n--handoff-bench--\r\n');
}

async function tus(target: Target, pieceBytes: number): Promise<void> {
  const version = { 'Tus-Resumable': '1.0.0' };
  const begun = await send(target, {
    ...{ method: 'POST', path: '/v1/uploads/tus', expect: 201 },
    headers: { ...version, 'Upload-Length': target.size, 'Content-Length': 0 },
  });
  let job: unknown;
  for (let offset = 0; offset < target.size; offset += pieceBytes) {
    const end = Math.min(offset + pieceBytes, target.size);
    const headers = {
      ...version,
      'Upload-Offset': offset,
      'Content-Type': 'application/offset+octet-stream',
      'Content-Length': end - offset,
    };
    const path = String(begun['location']);
    const answer = await send(target, { method: 'PATCH', path, headers, body: bytesFrom(offset, end), expect: 204 });
    job = answer['handoff-job'];
  }
  if (job === undefined) throw new Error('The last byte has not started a job');
}

serve(async (order: Ingest): Promise<Ingested> => {
  renew();
  const since = performance.now();
  const { size } = order;
  if (order.kind === 'write') await write(order.path, size);
  else if (order.kind === 'tus') await tus(order, order.pieceBytes);
  else if (order.kind === 'raw')
    await send(order, {
      ...{ method: 'PUT', path: '/v1/uploads/raw/random.bin', body: bytesFrom(0, size), expect: 202 },
      headers: { 'Content-Type': 'application/octet-stream', 'Content-Length': size },
    });
  else
    await send(order, {
      ...{ method: 'POST', path: '/v1/uploads', body: multipart(size), expect: 202 },
      headers: { 'Content-Type': 'multipart/form-data; boundary=handoff-bench' },
    });
  return { seconds: (performance.now() - since) / 1000 };
});
