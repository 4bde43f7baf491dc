import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { imageCompleteness } from '../../../src/images/completeness.ts';
import { animation, picture, withThumbnail } from '../../support/pictures.ts';

const samples: Record<string, { type: string; make: () => Promise<Buffer> }> = {
  'baseline JPEG': { type: 'image/jpeg', make: () => picture(320, 200).jpeg().toBuffer() },
  'progressive JPEG': { type: 'image/jpeg', make: () => picture(320, 200).jpeg({ progressive: true }).toBuffer() },
  'grey JPEG of quality 100': { type: 'image/jpeg', make: () => picture(320, 200).greyscale().jpeg({ quality: 100 }).toBuffer() },
  'JPEG with a thumbnail in its EXIF data': {
    type: 'image/jpeg',
    make: async () => withThumbnail(await picture(320, 200).jpeg().toBuffer(), await picture(80, 50).jpeg().toBuffer()),
  },
  'JPEG with metadata': {
    type: 'image/jpeg',
    make: () =>
      picture(320, 200)
        .withExif({ IFD0: { Copyright: 'Ada' } })
        .withIccProfile('p3')
        .jpeg()
        .toBuffer(),
  },
  PNG: { type: 'image/png', make: () => picture(320, 200, 4).png().toBuffer() },
  'interlaced PNG with a palette': {
    type: 'image/png',
    make: () => picture(320, 200).png({ palette: true, progressive: true }).toBuffer(),
  },
  GIF: { type: 'image/gif', make: () => picture(160, 100).gif().toBuffer() },
  'animated GIF': { type: 'image/gif', make: async () => (await animation(80, 50)).gif().toBuffer() },
  'lossy WebP': { type: 'image/webp', make: () => picture(320, 200).webp().toBuffer() },
  'lossless WebP with alpha': { type: 'image/webp', make: () => picture(320, 200, 4).webp({ lossless: true }).toBuffer() },
  'WebP with metadata': {
    type: 'image/webp',
    make: () =>
      picture(320, 200, 4)
        .withExif({ IFD0: { Copyright: 'Ada' } })
        .webp()
        .toBuffer(),
  },
};

const made = new Map<string, Buffer>();

beforeAll(async () => {
  for (const [name, { make }] of Object.entries(samples)) made.set(name, await make());
});

function sample(name: string): Buffer {
  const bytes = made.get(name);
  if (bytes === undefined) throw new Error(`no sample ${name}`);
  return bytes;
}

function verdictOf(bytes: Buffer, sniffedType: string | undefined, chunkSizes: number[] = [65_536]): string | undefined {
  const check = imageCompleteness();
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = chunkSizes[turn % chunkSizes.length] ?? 1;
    check.push(bytes.subarray(at, at + size));
    at += size;
  }
  return check.verdict(sniffedType);
}

describe.each(Object.entries(samples).map(([name, { type }]) => ({ name, type })))('completeness of a $name', ({ name, type }) => {
  it('has nothing to say of the whole picture', () => {
    expect(verdictOf(sample(name), type)).toBeUndefined();
  });

  it('has nothing to say of data behind the end', () => {
    expect(verdictOf(Buffer.concat([sample(name), Buffer.from('more \xff\xd8\xff\xe0', 'latin1')]), type)).toBeUndefined();
  });

  it('reports a picture cut at every twentieth of its length', () => {
    const bytes = sample(name);
    const unreported = Array.from({ length: 19 }, (_, i) => Math.floor((bytes.length * (i + 1)) / 20)).filter(
      (length) => verdictOf(bytes.subarray(0, length), type) === undefined,
    );
    expect(unreported).toEqual([]);
  });

  it('reports a picture without its last byte, also when the type was not told', () => {
    const cut = sample(name).subarray(0, -1);
    expect(verdictOf(cut, type)).toMatch(/ ends before /);
    expect(verdictOf(cut, undefined)).toMatch(/ ends before /);
  });

  it('reports a picture whose second half never arrived and was filled with zeros', () => {
    const bytes = sample(name);
    const half = Math.floor(bytes.length / 2);
    const padded = Buffer.concat([bytes.subarray(0, half), Buffer.alloc(bytes.length - half)]);
    // WebP has no end mark: its length is all that can be checked without decoding.
    expect(verdictOf(padded, type) !== undefined).toBe(type !== 'image/webp');
  });

  it('says the same however the bytes are cut into chunks', () => {
    const bytes = sample(name);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 16, max: bytes.length }),
        (chunkSizes, length) => {
          const verdict = verdictOf(bytes.subarray(0, length), type, chunkSizes);
          expect(verdict === undefined).toBe(length === bytes.length);
        },
      ),
      {
        numRuns: 60,
        examples: [
          [[1], bytes.length],
          [[1], bytes.length - 1],
          [[2, 7], bytes.length],
        ],
      },
    );
  });
});

describe('completeness', () => {
  it.each([
    ['image/jpeg', 'baseline JPEG', 'the JPEG ends before its end-of-image marker'],
    ['image/png', 'PNG', 'the PNG ends before its IEND chunk'],
    ['image/gif', 'GIF', 'the GIF ends before its trailer'],
    ['image/webp', 'lossy WebP', 'the WebP ends before the size that its header tells'],
  ])('says for %s in plain words what is missing', (type, name, reason) => {
    expect(verdictOf(sample(name).subarray(0, 500), type)).toBe(reason);
  });

  it.each([
    ['text', Buffer.from('Dear Ada,\n')],
    ['nothing', Buffer.alloc(0)],
    ['a WAV file', Buffer.from('RIFF\xff\xff\0\0WAVEfmt ', 'latin1')],
    ['text that begins like a GIF', Buffer.from('GIFT list')],
    ['text that begins like a WebP', Buffer.from('RIFFRAFF')],
    ['a PDF', Buffer.from('%PDF-1.7\n')],
  ])('does not judge %s', (_, bytes) => {
    expect(verdictOf(bytes, undefined)).toBeUndefined();
  });

  it('does not judge what was sniffed as another type', () => {
    expect(verdictOf(Buffer.from('ffd8fff7000b', 'hex'), 'image/jls')).toBeUndefined();
  });

  it('steps over filler bytes and stray bytes between JPEG markers', async () => {
    const bytes = await picture(40, 40).jpeg().toBuffer();
    const padded = Buffer.concat([bytes.subarray(0, 2), Buffer.from('ffffff', 'hex'), bytes.subarray(2)]);
    expect(verdictOf(padded, 'image/jpeg')).toBeUndefined();
    expect(verdictOf(padded.subarray(0, -2), 'image/jpeg')).toMatch(/end-of-image/);
  });

  it('takes restart markers and stuffed zeros for what they are: no ends and no segments', () => {
    const scan = Buffer.from('ffd8' + 'ffda0008010100003f00' + '1234ff0056' + 'ffd07fff0012' + 'ffd77fff0034' + 'ffd9', 'hex');
    expect(verdictOf(scan, 'image/jpeg')).toBeUndefined();
    expect(verdictOf(scan.subarray(0, -2), 'image/jpeg')).toMatch(/end-of-image/);
  });

  it('survives any bytes', () => {
    const start = fc.constantFrom('', 'ffd8ff', '474946383961', '89504e470d0a1a0a', '5249464600000000', '52494646ffffffff57454250');
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 50 }), (signature, rest, chunkSize) => {
        const verdict = verdictOf(Buffer.concat([Buffer.from(signature, 'hex'), rest]), undefined, [chunkSize]);
        expect(['undefined', 'string']).toContain(typeof verdict);
      }),
    );
  });
});
