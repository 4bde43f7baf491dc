import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';

import { aJob, keys, testApi } from '../../support/api.ts';
import { fileIdFor, newJobId } from '../../../src/jobs/ids.ts';
import { chunks } from '../../support/file-store.ts';
import { eventually } from '../../support/eventually.ts';
import { tusUpload } from '../../support/tus.ts';

const everyMs = 300;
const api = testApi({
  maxUploadBytes: 50_000_000,
  streams: { perKey: 10, heartbeatMs: 50 },
  server: { slowClients: { everyMs, leastBytes: 2_000 } },
});

/** It lets slow clients be slow. */
const patient = testApi({ maxUploadBytes: 50_000_000, server: { slowClients: { everyMs: 600_000, leastBytes: 1 } } });

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

function client(head: string, port = api.port): { socket: Socket; received: () => string; closed: () => boolean } {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let received = '';
  let closed = false;
  socket.on('error', () => undefined);
  socket.setEncoding('latin1').on('data', (text: string) => (received += text));
  socket.once('close', () => (closed = true));
  socket.write(head);
  return { socket, received: () => received, closed: () => closed };
}

/** A little now and then, until the other side has closed. */
async function trickle({ socket, closed }: ReturnType<typeof client>, piece: string, pauseMs = 20): Promise<void> {
  while (!closed() && !socket.destroyed) {
    socket.write(piece);
    await sleep(pauseMs);
  }
}

const auth = `Authorization: Bearer ${keys.acme}`;
const problem = (text: string) => JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as { code: string };
const boundary = 'b';
const multipart = `Content-Type: multipart/form-data; boundary=${boundary}`;
const part = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n`;

describe('headers', () => {
  const strict = testApi({ server: { headersTimeoutMs: 300 } });

  test('that come drop by drop get 408 (slowloris)', async () => {
    const slow = client('GET /livez HTTP/1.1\r\nHost: x\r\n', strict.port);
    await trickle(slow, 'X-A: b\r\n');
    expect(slow.received()).toMatch(/^HTTP\/1\.1 408 /);
    expect(problem(slow.received()).code).toBe('request_timeout');
  });

  test('that never come get the connection closed', async () => {
    const silent = client('', strict.port);
    await eventually(() => {
      expect(silent.closed()).toBe(true);
    });
  });
});

/** Closed once the server has looked at all clients and found it wanting. */
const stalled = () =>
  client(`POST /v1/emails HTTP/1.1\r\nHost: x\r\n${auth}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n`);
const untilLookedAt = async () => {
  const other = stalled();
  await eventually(() => {
    expect(other.closed()).toBe(true);
  });
};

describe('a client that is slow on purpose', () => {
  test.each([
    ['JSON', '/v1/emails', 'Content-Type: application/json'],
    ['a file', '/v1/uploads', multipart],
  ])('and sends its body drop by drop gets 408: %s', async (_what, path, type) => {
    const slow = client(
      `POST ${path} HTTP/1.1\r\nHost: x\r\n${auth}\r\n${type}\r\nContent-Length: 1000000\r\n\r\n${type === multipart ? part : ''}`,
    );
    await trickle(slow, ' ');
    expect(slow.received()).toMatch(/^HTTP\/1\.1 408 /);
    expect(problem(slow.received()).code).toBe('request_timeout');
    expect(api.started).toEqual([]);
    await eventually(async () => {
      expect(await api.store.count()).toBe(0);
    });
  });

  test('and goes on sending a body that was refused is closed', async () => {
    const slow = client('POST /v1/emails HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n');
    await trickle(slow, ' ');
    expect(slow.received()).toMatch(/^HTTP\/1\.1 401 /);
    expect(slow.received().match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  test('and does not read its answer is closed', async () => {
    const staged = await api.store.files.stage(chunks(Buffer.alloc(40_000_000)));
    const jobId = newJobId('upload', 'acme', 'k');
    const facts = { id: fileIdFor(jobId, 'x'), name: 'big', contentType: 'text/plain', tenant: 'acme', jobId };
    const big = await staged.commit(facts);
    const socket = connect(api.port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.write(`GET /v1/files/${big.id}/content HTTP/1.1\r\nHost: x\r\n${auth}\r\n\r\n`);
    const [server] = (await once(api.server, 'connection')) as [Socket];
    await once(server, 'close');
    expect(server.bytesWritten).toBeLessThan(40_000_000);
  });
});

describe('clients that upload a byte now and then', () => {
  test.each([
    ['raw', 500, 'PUT /v1/uploads/raw/a.bin', 'Content-Length: 1000000'],
    ['multipart', 100, 'POST /v1/uploads', `${multipart}\r\nContent-Length: 1000000`],
    [
      'tus',
      100,
      'POST /v1/uploads/tus',
      'Tus-Resumable: 1.0.0\r\nUpload-Length: 1000000\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: 1000000',
    ],
  ])('leave others alone: %s, %i of them', async (way, count, path, headers) => {
    const many = Array.from({ length: count }, () =>
      client(`${path} HTTP/1.1\r\nHost: x\r\n${auth}\r\n${headers}\r\n\r\n${way === 'multipart' ? part : ''}`, patient.port),
    );
    const trickling = Promise.all(many.map((slow) => trickle(slow, 'x', 1_000)));
    await eventually(async () => {
      const kept =
        way === 'tus' ? (await patient.uploads.names()).filter((name) => name.endsWith('.bytes')).length : await patient.store.count();
      expect(kept).toBe(count);
    });
    const bytes = Buffer.alloc(1_000_000, 'y');
    await patient.agent().put('/v1/uploads/raw/b.bin').set('Content-Type', 'application/octet-stream').send(bytes).expect(202);
    expect((await tusUpload(patient.port, bytes)).job).toMatch(/^\/v1\/jobs\//);
    expect(patient.started).toHaveLength(2);
    expect(many.filter(({ closed }) => closed())).toHaveLength(0);
    for (const { socket } of many) socket.destroy();
    await trickling;
    // What has come by tus stays there; of the others nothing does but the two that were whole, of the same bytes.
    await eventually(async () => {
      expect(await patient.store.count()).toBe(1);
    });
  });
});

describe('a client that is slow and gets on', () => {
  test('may take longer than a stalled one to upload a file', async () => {
    const slow = client(
      `POST /v1/uploads HTTP/1.1\r\nHost: x\r\n${auth}\r\n${multipart}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const chunk = (text: string) => slow.socket.write(`${text.length.toString(16)}\r\n${text}\r\n`);
    chunk(part);
    const other = stalled();
    while (!other.closed()) {
      chunk('a'.repeat(5_000));
      await sleep(20);
    }
    chunk(`\r\n--${boundary}--\r\n`);
    slow.socket.write('0\r\n\r\n');
    await eventually(() => {
      expect(slow.received()).toMatch(/^HTTP\/1\.1 202 /);
    });
  });

  test('is not taken for slow while it is the server that lets it wait', async () => {
    let answer: () => void = () => undefined;
    api.jobs.list = () =>
      new Promise(
        (resolve) =>
          (answer = () => {
            resolve({ items: [], nextCursor: null });
          }),
      );
    const patient = client(`GET /v1/jobs HTTP/1.1\r\nHost: x\r\n${auth}\r\nConnection: close\r\n\r\n`);
    await untilLookedAt();
    await untilLookedAt();
    answer();
    await eventually(() => {
      expect(patient.received()).toMatch(/^HTTP\/1\.1 200 /);
    });
  });

  test('keeps its quiet event stream', async () => {
    const { id } = aJob({});
    api.jobs.get = () => Promise.resolve(aJob({ id, status: 'running' }));
    const stream = client(`GET /v1/jobs/${id}/events HTTP/1.1\r\nHost: x\r\n${auth}\r\n\r\n`);
    await untilLookedAt();
    await untilLookedAt();
    const before = stream.received().length;
    await eventually(() => {
      expect(stream.received().length).toBeGreaterThan(before);
    });
    expect(stream.closed()).toBe(false);
  });
});
