import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';

import { createArchiveExaminer } from '../../../src/archives/examiner.ts';
import { AppError } from '../../../src/errors.ts';
import type { ArchiveFormat } from '../../../src/jobs/file-checks.ts';
import { gzipOf, nestedBomb, overlappingZip, paxRecord, tarOf, type TarEntry, type ZipEntry, zipOf } from '../../support/archives.ts';

const MiB = 1024 * 1024;
const { examine } = createArchiveExaminer({ maxEntries: 100, maxBytes: 100 * MiB, maxRatio: 50 });

/** How many bytes were asked for of the storage, all in all. */
const asked = { bytes: 0 };

function look(format: ArchiveFormat, bytes: Buffer, signal = new AbortController().signal) {
  const read = ({ start, end } = { start: 0, end: bytes.length - 1 }): Readable => {
    asked.bytes += end - start + 1;
    const pieces = [];
    for (let at = start; at <= end; at += 65_536) pieces.push(bytes.subarray(at, Math.min(end + 1, at + 65_536)));
    return Readable.from(pieces, { objectMode: false });
  };
  return examine({ format, size: bytes.length, read }, { signal, passed: () => undefined });
}

const reasonOf = async (format: ArchiveFormat, bytes: Buffer) => (await look(format, bytes)).rejection?.reason;
const zeros = (bytes: number) => Buffer.alloc(bytes);
const lying = (content: Buffer, told: ZipEntry['told']) => zipOf([{ name: 'a', content, ...(told && { told }) }]);

describe('a ZIP archive', () => {
  test('that is as it should be passes, and is counted: folders, packed and plain entries', async () => {
    const entries = [
      { name: 'a/', content: zeros(0), mode: 0x41ed },
      { name: 'a/b.txt' },
      { name: 'ü.bin', content: zeros(200_000), method: 0 },
    ];
    expect(await look('zip', zipOf(entries))).toEqual({
      examined: true,
      entries: 3,
      unpackedBytes: 200_005,
      closedEntries: 0,
      rejection: null,
    });
  });

  test('of no entries passes', async () => {
    expect(await look('zip', zipOf([]))).toMatchObject({ entries: 0, rejection: null });
  });

  test('with entries that can not be unpacked here passes, and tells how many they are', async () => {
    const entries = [{ name: 'a', flags: 1, content: zeros(50) }, { name: 'b', method: 12, content: zeros(50) }, { name: 'c' }];
    expect(await look('zip', zipOf(entries))).toMatchObject({ closedEntries: 2, rejection: null });
  });

  test('within an archive is one entry, however much it holds (42.zip)', async () => {
    expect(await look('zip', nestedBomb(3, 16, MiB))).toMatchObject({ entries: 16, rejection: null });
  });

  test.each([
    ['../etc/passwd'],
    ['a/../../b'],
    ['..'],
    ['/etc/passwd'],
    ['\\windows\\win.ini'],
    ['a\\..\\..\\b'],
    ['C:\\x'],
    ['c:x'],
    ['a\0.png'],
  ])('with an entry called %j is rejected', async (name) => {
    expect(await look('zip', zipOf([{ name: 'fine' }, { name }]))).toMatchObject({ examined: true, rejection: { reason: 'archive_path' } });
  });

  test.each([['a..b'], ['a/..b/c'], ['...'], ['a:b'.replace('a', 'ab')]])('with an entry called %j is not', async (name) => {
    expect(await reasonOf('zip', zipOf([{ name }]))).toBeUndefined();
  });

  test.each([
    ['a symbolic link', 0xa1ff],
    ['a device', 0x61b0],
    ['a pipe', 0x1180],
  ])('with %s is rejected', async (_what, mode) => {
    expect(await reasonOf('zip', zipOf([{ name: 'x', content: Buffer.from('/etc/passwd'), mode }]))).toBe('archive_path');
  });

  test.each<[string, Buffer, string]>([
    [
      'unpacks to more than it may',
      zipOf([
        { name: 'a', content: zeros(99 * MiB), method: 0 },
        { name: 'b', content: zeros(2 * MiB) },
      ]),
      'archive_bomb',
    ],
    ['unpacks to too many times its size', zipOf([{ name: 'a', content: zeros(40 * MiB) }]), 'archive_bomb'],
    ['says that it unpacks to 4 GB', lying(zeros(10), { unpacked: 0xfffffffe }), 'archive_bomb'],
    ['unpacks to more than it tells', lying(zeros(3 * MiB), { unpacked: 10 }), 'archive_bomb'],
    ['has entries that share their bytes (Fifield)', overlappingZip(50, zeros(MiB / 4)), 'archive_bomb'],
    ['has more entries than it may', zipOf(Array.from({ length: 101 }, (_, index) => ({ name: String(index) }))), 'archive_entries'],
    ['says that it has 65,000 entries', zipOf([{ name: 'a' }], { count: 65_000 }), 'archive_entries'],
    ['has more entries than it tells', zipOf([{ name: 'a' }, { name: '../b' }], { count: 1 }), 'archive_unreadable'],
    ['unpacks to less than it tells', lying(zeros(10), { unpacked: 11 }), 'archive_unreadable'],
    ['is named otherwise before the bytes', zipOf([{ name: '../x', told: { name: 'fine' } }]), 'archive_unreadable'],
    ['has an entry outside', lying(zeros(10), { at: 0x7fffffff }), 'archive_unreadable'],
    ['is cut off', zipOf([{ name: 'a', content: zeros(5000) }]).subarray(0, -30), 'archive_unreadable'],
    ['is a signature alone', Buffer.from('PK\u0003\u0004'), 'archive_unreadable'],
  ])('that %s is rejected', async (_what, bytes, reason) => {
    expect(await reasonOf('zip', bytes)).toBe(reason);
  });

  test('that is a bomb by what it says is never unpacked', async () => {
    const bomb = overlappingZip(90, zeros(16 * MiB));
    asked.bytes = 0;
    expect(await reasonOf('zip', bomb)).toBe('archive_bomb');
    expect(asked.bytes).toBeLessThan(5 * 65_536 + bomb.length);
  });

  test('with any byte changed, or cut off anywhere, passes or is rejected, and nothing else happens', async () => {
    const whole = zipOf([{ name: 'a', content: zeros(300) }, { name: 'b/c', method: 0 }, { name: 'd' }]);
    for (let at = 0; at < whole.length; at += 1) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 0xff;
      for (const bytes of [changed, whole.subarray(0, at)]) expect((await look('zip', bytes)).examined).toBe(true);
    }
  });
});

describe('a tar archive', () => {
  const files: TarEntry[] = [
    { name: 'a/', type: '5' },
    { name: 'a/b', content: Buffer.from('hello') },
    { name: 'a/c', type: '1', link: 'a/b' },
  ];
  const meta = (type: string, content: string | Buffer): TarEntry => ({ name: 'meta', type, content: Buffer.from(content) });

  test('passes, by itself and within gzip, and its entries are counted', async () => {
    const bytes = tarOf(files);
    for (const [format, packed] of [
      ['tar', bytes],
      ['gzip', gzipOf(bytes)],
    ] as const)
      expect(await look(format, packed)).toEqual({ examined: true, entries: 3, unpackedBytes: bytes.length, rejection: null });
  });

  test.each<[string, TarEntry[], string]>([
    ['a name that leads out', [{ name: '../../x' }], 'archive_path'],
    ['an absolute name', [{ name: '/etc/passwd' }], 'archive_path'],
    ['such a name in a PAX header', [meta('x', paxRecord('path', '../x')), { name: 'fine' }], 'archive_path'],
    ['such a name in a header of GNU', [meta('L', '../x\0'), { name: 'fine' }], 'archive_path'],
    ['a symbolic link', [{ name: 'x', type: '2', link: 'a' }], 'archive_path'],
    ['a hard link that leads out', [{ name: 'x', type: '1', link: '../../etc/passwd' }], 'archive_path'],
    ['a device', [{ name: 'x', type: '3' }], 'archive_path'],
    ['a name longer than anybody needs', [meta('x', paxRecord('path', 'a/'.repeat(60_000))), { name: 'fine' }], 'archive_unreadable'],
    ['a sparse entry', [{ name: 'x', type: 'S' }], 'archive_unreadable'],
    ['a sparse entry of PAX', [meta('x', paxRecord('GNU.sparse.realsize', '1000000000000')), { name: 'x' }], 'archive_unreadable'],
    ['more entries than it may have', Array.from({ length: 101 }, (_, index) => ({ name: String(index) })), 'archive_entries'],
  ])('with %s is rejected, by itself and within gzip', async (_what, entries, reason) => {
    const bytes = tarOf(entries);
    expect(await Promise.all([reasonOf('tar', bytes), reasonOf('gzip', gzipOf(bytes))])).toEqual([reason, reason]);
  });

  test.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, 1100)],
    ['with a broken header', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 512), Buffer.alloc(512, 1), bytes.subarray(1024)])],
  ])('%s is rejected', async (_how, broken) => {
    expect(await reasonOf('tar', broken(tarOf(files)))).toBe('archive_unreadable');
  });
});

describe('what is packed with gzip', () => {
  test('passes, whatever it is: one entry', async () => {
    expect(await look('gzip', gzipOf(Buffer.from('a,b\n1,2\n')))).toMatchObject({ entries: 1, unpackedBytes: 8, rejection: null });
    expect(await look('gzip', gzipOf(Buffer.alloc(0)))).toMatchObject({ entries: 1, unpackedBytes: 0, rejection: null });
  });

  test('is rejected when it is a bomb, without being unpacked to its end', async () => {
    const bomb = gzipOf(zeros(200 * MiB));
    const { rejection, unpackedBytes = 0 } = (await look('gzip', bomb)) as { rejection: unknown; unpackedBytes?: number };
    expect([rejection, unpackedBytes]).toMatchObject([{ reason: 'archive_bomb' }, 0]);
  });

  test.each([
    ['cut off', gzipOf(Buffer.alloc(5000, 'abc')).subarray(0, -9)],
    ['no more than a signature', Buffer.from([0x1f, 0x8b])],
  ])('is rejected when it is %s', async (_how, bytes) => {
    expect(await reasonOf('gzip', bytes)).toBe('archive_unreadable');
  });
});

describe('an archive', () => {
  test.each(['7z', 'rar', 'bzip2', 'xz', 'zstd'] as const)('of the format %s is not looked into, and that is told', async (format) => {
    expect(await look(format, zeros(10))).toEqual({ examined: false, rejection: null });
  });

  test.each(['zip', 'gzip', 'tar'] as const)(
    '(%s) whose bytes can not be read is not rejected: that says nothing about it',
    async (format) => {
      const away = new AppError('storage_unavailable', 'away', { retryable: true });
      const read = () =>
        Readable.from(
          (async function* () {
            yield await Promise.reject<Buffer>(away);
          })(),
        );
      const watching = { signal: new AbortController().signal, passed: () => undefined };
      await expect(examine({ format, size: 10_000, read }, watching)).rejects.toBe(away);
    },
  );

  test.each(['zip', 'gzip', 'tar'] as const)('(%s) is left when nobody wants to know any more', async (format) => {
    const bytes = format === 'zip' ? zipOf([{ name: 'a' }]) : format === 'tar' ? tarOf([{ name: 'a' }]) : gzipOf(zeros(5));
    await expect(look(format, bytes, AbortSignal.abort(new Error('cancelled')))).rejects.toThrow('cancelled');
  });
});
