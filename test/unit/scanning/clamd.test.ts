import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { createClamd } from '../../../src/scanning/clamd.ts';
import { engineOf } from '../../../src/scanning/clamd-reply.ts';
import { scannerStanding } from '../../../src/scanning/standing.ts';
import { eicar, startClamd, type TestClamd, whyNoClamd } from '../../support/clamd.ts';

const watching = (signal = new AbortController().signal) => ({ signal, passed: () => undefined });
const bytes = (...pieces: Buffer[]) => Readable.from(pieces, { objectMode: false });
const megabyte = Buffer.alloc(1024 * 1024, 'a');

const missing = await whyNoClamd();
const withClamd = missing === undefined ? describe : describe.skip;

withClamd(`with a real clamd${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let clamd: TestClamd;
  let directory = '';
  let socket = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'handoff-scan-'));
    socket = join(directory, 'clamd.ctl');
    clamd = await startClamd([
      ...['StreamMaxLength 3M', 'MaxFileSize 2M', 'MaxScanSize 2M', 'AlertExceedsMax yes'],
      ...[`LocalSocket ${socket}`, 'LocalSocketMode 666'],
    ]);
  });
  afterAll(async () => {
    await clamd.close();
    await rm(directory, { recursive: true, force: true });
  });
  const scanner = () => createClamd({ address: clamd.address, silenceSeconds: 20 });

  test('finds the test virus wherever it is, and nothing in other files, by TCP and by a socket', async () => {
    for (const address of [clamd.address, { path: socket }]) {
      const { scan } = createClamd({ address, silenceSeconds: 20 });
      const found = { virus: 'Eicar-Test.UNOFFICIAL', engine: expect.stringMatching(/^ClamAV 1\.\d/) as unknown, databaseDate: null };
      expect(await scan(bytes(eicar), watching())).toEqual(found);
      expect(await scan(bytes(megabyte, eicar, Buffer.alloc(10)), watching())).toEqual(found);
      expect(await scan(bytes(megabyte), watching())).toEqual({ ...found, virus: null });
      expect(await scan(bytes(), watching())).toEqual({ ...found, virus: null });
    }
  });

  test('tells how much has gone through', async () => {
    const passed: number[] = [];
    await scanner().scan(bytes(Buffer.alloc(5), Buffer.alloc(7)), { ...watching(), passed: (sum) => passed.push(sum) });
    expect(passed).toEqual([5, 12]);
  });

  test('a file larger than it takes is a matter of its settings, and no verdict', async () => {
    const source = bytes(...Array.from({ length: 20 }, () => megabyte));
    await expect(scanner().scan(source, watching())).rejects.toMatchObject({ code: 'scanner_configuration', retryable: true });
    expect(source.destroyed).toBe(true);
  });

  test('what it would scan in parts only is no pass: it says so, where it is set up as we tell', async () => {
    expect(await scanner().scan(bytes(megabyte, megabyte, Buffer.from('b')), watching())).toMatchObject({
      virus: expect.stringContaining('Heuristics.Limits.Exceeded') as unknown,
    });
  });

  test('is left at once when nobody wants to know any more, also while the source is silent', async () => {
    const stop = new AbortController();
    const endless = Readable.from(
      (async function* () {
        yield eicar;
        stop.abort(new Error('cancelled'));
        await new Promise(() => undefined);
      })(),
    );
    await expect(scanner().scan(endless, watching(stop.signal))).rejects.toThrow('cancelled');
    await expect(scanner().scan(bytes(eicar), watching(stop.signal))).rejects.toThrow('cancelled');
  });

  test('what the source throws is what is heard', async () => {
    const broken = Readable.from(
      (async function* () {
        yield await Promise.resolve(eicar);
        throw new Error('the disk is gone');
      })(),
    );
    await expect(scanner().scan(broken, watching())).rejects.toThrow('the disk is gone');
  });
});

describe('a clamd that', () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  /** Answers to VERSION as it should, and then as the test says. */
  async function answering(respond: (socket: Socket, received: string) => void) {
    const server = createServer((socket) => {
      closers.push(() => socket.destroy());
      let received = '';
      socket.on('error', () => undefined).setEncoding('latin1');
      socket.on('data', (text: string) => {
        received += text;
        if (received === 'zVERSION\0') socket.end('ClamAV 1.4.3/27800/Sun Nov 29 09:30:00 2026\0');
        else respond(socket, received);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => server.close());
    const { port } = server.address() as { port: number };
    return createClamd({ address: { host: '127.0.0.1', port }, silenceSeconds: 1 });
  }
  const done = (received: string) => received.endsWith('\0\0\0\0');

  test.each([
    ['an error', 'stream: Can not allocate memory ERROR\0'],
    ['a command that it does not know', 'UNKNOWN COMMAND\0'],
    ['nothing', '\0'],
    ['something else', 'stream: OK FOUND it\0'],
    ['too much', 'x'.repeat(10_000)],
  ])('answers with %s has not passed the file', async (_what, reply) => {
    const { scan } = await answering((socket, received) => {
      if (done(received)) socket.end(reply);
    });
    await expect(scan(bytes(eicar), watching())).rejects.toMatchObject({ code: 'scanner_unavailable', retryable: true });
  });

  test('closes the connection, or says nothing, has not passed the file either', async () => {
    const closing = await answering((socket) => socket.destroy());
    await expect(closing.scan(bytes(eicar), watching())).rejects.toMatchObject({ code: 'scanner_unavailable' });
    const silent = await answering(() => undefined);
    await expect(silent.scan(bytes(eicar), watching())).rejects.toMatchObject({
      code: 'scanner_unavailable',
      message: 'The virus scanner does not answer in time.',
    });
  });

  test('is away is told without where it was looked for', async () => {
    const { scan, engine } = createClamd({ address: { path: '/run/nothing/secret.ctl' }, silenceSeconds: 1 });
    for (const work of [engine(), scan(bytes(eicar), watching())])
      await expect(work).rejects.toMatchObject({ code: 'scanner_unavailable', message: 'The virus scanner can not be reached (ENOENT).' });
  });

  test('tells its database is told with it', async () => {
    const { scan } = await answering((socket, received) => {
      if (done(received)) socket.end('stream: OK\0');
    });
    const told = { virus: null, engine: 'ClamAV 1.4.3/27800', databaseDate: '2026-11-29T09:30:00.000Z' };
    expect(await scan(bytes(megabyte), watching())).toEqual(told);
  });
});

describe('for readiness', () => {
  const engine = (databaseDate: string | null) => () => Promise.resolve({ databaseDate });
  const now = () => Date.UTC(2026, 10, 30);

  test.each([
    ['2026-11-29T09:30:00.000Z', { state: 'ok', databaseAgeDays: 0 }],
    ['2026-11-23T00:00:00.000Z', { state: 'ok', databaseAgeDays: 7 }],
    ['2026-11-22T23:00:00.000Z', { state: 'outdated', databaseAgeDays: 7 }],
    ['2026-12-01T00:00:00.000Z', { state: 'ok', databaseAgeDays: 0 }],
    [null, { state: 'ok', databaseAgeDays: null }],
  ])('signatures of %j', async (date, standing) => {
    expect(await scannerStanding({ engine: engine(date), maxDatabaseDays: 7, now })).toEqual(standing);
  });

  test('a scanner that is away', async () => {
    const away = () => Promise.reject(new Error('away'));
    expect(await scannerStanding({ engine: away, maxDatabaseDays: 7 })).toEqual({ state: 'unreachable', databaseAgeDays: null });
  });

  test.each([
    ['ClamAV 1.4.3', 'ClamAV 1.4.3'],
    ['ClamAV 1.4.3/27800/nonsense', 'ClamAV 1.4.3/27800'],
    ['', ''],
  ])('what it says of itself may be short or odd: %j', (reply, engineName) => {
    expect(engineOf(reply)).toEqual({ engine: engineName, databaseDate: null });
  });
});
