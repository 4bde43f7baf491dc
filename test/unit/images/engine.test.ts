import { mkdtempSync, rmSync } from 'node:fs';
import { link, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { afterAll, describe, expect, it, jest } from '@jest/globals';
import sharp, { type Sharp } from 'sharp';

import { createImageEngine } from '../../../src/images/engine.ts';
import type { ImageEngine } from '../../../activities/upload.ts';
import type { VariantFormat, VariantRequest } from '../../../src/jobs/upload.ts';
import { animation, picture, pixelBomb, withThumbnail } from '../../support/pictures.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'handoff-images-'));
const engine = createImageEngine({ dataDir });
const contentType = 'image/any';

afterAll(async () => {
  await engine.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const formats = ['jpeg', 'png', 'webp', 'gif', 'avif', 'tiff'] as const;
const variantFormats: VariantFormat[] = ['jpeg', 'png', 'webp', 'avif'];

function stream(bytes: Buffer): Readable {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 1000) chunks.push(bytes.subarray(at, at + 1000));
  return Readable.from(chunks);
}

const inspect = (source: Readable, signal?: AbortSignal) =>
  engine.inspect({ read: () => source }, { contentType, ...(signal && { signal }) });

interface Rendered {
  width: number;
  height: number;
  /** null: not smaller than its source. */
  bytes: Buffer | null;
}

async function render(
  source: Readable,
  variants: VariantRequest[],
  { from = engine, signal }: { from?: ImageEngine; signal?: AbortSignal } = {},
) {
  const made: Rendered[] = [];
  const colours = await from.render({ read: () => source }, variants, {
    contentType,
    ...(signal && { signal }),
    take: async (index, { path, ...size }) => {
      made[index] = { ...size, bytes: path === null ? null : await readFile(path) };
    },
  });
  return { made, colours };
}

async function resize(bytes: Buffer, variant: Partial<VariantRequest>) {
  const { made } = await render(stream(bytes), [{ name: 'v', width: 100, format: 'webp', ...variant }]);
  return { ...(made[0] as Rendered), bytes: made[0]?.bytes ?? Buffer.alloc(0) };
}

describe('inspect', () => {
  it.each(formats)('tells format and size of a picture in %s', async (format) => {
    const bytes = await picture(60, 40).toFormat(format).toBuffer();
    expect(await inspect(stream(bytes))).toMatchObject({ format, width: 60, height: 40 });
  });

  it('gives the size as shown upright', async () => {
    const bytes = await picture(60, 40).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(await inspect(stream(bytes))).toMatchObject({ format: 'jpeg', width: 40, height: 60 });
  });

  it('gives the size of one frame of an animation', async () => {
    const bytes = await (await animation(30, 20)).gif().toBuffer();
    expect(await inspect(stream(bytes))).toMatchObject({ format: 'gif', width: 30, height: 20, pages: 2 });
  });

  it.each([
    [
      'SVG that nobody calls so',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><rect width="5" height="5"/></svg>'),
    ],
    ['PDF', Buffer.from('%PDF-1.7\n1 0 obj\n')],
    ['text', Buffer.from('GIFT list for Ada\n')],
    ['a camera raw in a TIFF', Buffer.from('II*\0\x10\0\0\0CR\x02\0\0\0\0\0', 'latin1')],
    ['too few bytes for any picture', Buffer.from('ffd8ff', 'hex')],
    ['nothing', Buffer.alloc(0)],
  ])('gives null for %s', async (_, bytes) => {
    expect(await inspect(stream(bytes))).toBeNull();
  });

  it('stops reading once the first bytes are none of a picture', async () => {
    const source = Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(1000, 'not a picture ');
      })(),
    );
    expect(await inspect(source)).toBeNull();
    expect(source.destroyed).toBe(true);
  });
});

describe('resize', () => {
  it.each(formats.flatMap((from) => variantFormats.map((to) => ({ from, to }))))('makes $to from $from', async ({ from, to }) => {
    const result = await resize(await picture(300, 200).toFormat(from).toBuffer(), { width: 90, height: 90, format: to });
    const { format, width, height } = await sharp(result.bytes).metadata();
    expect({ format, width, height }).toEqual({ format: to === 'avif' ? 'heif' : to, width: 90, height: 60 });
    expect(result).toMatchObject({ width: 90, height: 60 });
  });

  it.each([
    ['a width alone', { width: 150 }, { width: 150, height: 100 }],
    ['a flat box', { width: 150, height: 50 }, { width: 75, height: 50 }],
    ['a box of the same size', { width: 300, height: 200 }, { width: 300, height: 200 }],
    ['a larger box, without enlarging', { width: 5000, height: 5000 }, { width: 300, height: 200 }],
  ])('fits the picture into %s', async (_, box, expected) => {
    expect(await resize(await picture(300, 200).jpeg().toBuffer(), box)).toMatchObject(expected);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('turns a picture of EXIF orientation %i upright', async (orientation) => {
    // Stored 40 × 20, left half black, right half white.
    const stored = Buffer.from(Array.from({ length: 40 * 20 }, (_, i) => (i % 40 < 20 ? 0 : 255)));
    const bytes = await sharp(stored, { raw: { width: 40, height: 20, channels: 1 } })
      .withMetadata({ orientation })
      .png()
      .toBuffer();

    const result = await resize(bytes, { width: 1000, format: 'png' });

    const { data, info } = await sharp(result.bytes).greyscale().raw().toBuffer({ resolveWithObject: true });
    const at = (x: number, y: number): number | undefined => data[(y * info.width + x) * info.channels];
    const turned = orientation >= 5;
    expect([result.width, result.height]).toEqual(turned ? [20, 40] : [40, 20]);
    // Where the black half must be seen: left, right or top, bottom (EXIF 2.32, tag 0x0112).
    const blackFirst = [1, 4, 5, 6].includes(orientation);
    expect(turned ? [at(10, 3), at(10, 36)] : [at(3, 10), at(36, 10)]).toEqual(blackFirst ? [0, 255] : [255, 0]);
    expect((await sharp(result.bytes).metadata()).orientation ?? 1).toBe(1);
  });

  it.each(variantFormats)('leaves no EXIF, GPS or thumbnail in %s, but the profile of its colours', async (format) => {
    const exif = { IFD0: { Copyright: 'Ada' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1' } };
    const tagged = await picture(60, 40).withExif(exif).withIccProfile('p3').jpeg().toBuffer();
    expect((await sharp(tagged).metadata()).exif?.includes(Buffer.from('2588', 'hex'))).toBe(true);

    const { bytes } = await resize(tagged, { format });

    const { exif: left, icc, xmp, iptc } = await sharp(bytes).metadata();
    expect({ left, xmp, iptc }).toEqual({});
    expect(icc?.toString('latin1', 16, 20)).toBe('RGB ');
    expect(bytes.includes('Exif')).toBe(false);
    expect(bytes.includes('Ada')).toBe(false);
  });

  it('keeps colours that are not sRGB, and tells the dominant one as sRGB', async () => {
    const red = sharp({ create: { width: 8, height: 8, channels: 3, background: '#c04040' } });
    const wide = await red.withIccProfile('p3').png().toBuffer();
    const stored = (bytes: Buffer) => sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
    const { made, colours } = await render(stream(wide), [{ name: 'v', width: 8, format: 'png' }]);
    const kept = made[0]?.bytes ?? Buffer.alloc(0);
    expect((await stored(kept)).equals(await stored(wide))).toBe(true);
    const shown = await sharp(kept).raw().toBuffer();
    expect(Math.abs(Number(shown[0]) - 0xc0)).toBeLessThan(4);
    expect(colours.dominantColour).toBe('#c84848');
  });

  it.each([
    ['sRGB', (from: Sharp) => from.withIccProfile('srgb')],
    ['CMYK', (from: Sharp) => from.toColourspace('cmyk').withIccProfile('cmyk')],
  ])('leaves no profile behind where colours are %s: they are, or become, sRGB', async (_, profiled) => {
    const { bytes } = await resize(await profiled(picture(60, 40)).jpeg().toBuffer(), { format: 'jpeg' });
    const { icc, space } = await sharp(bytes).metadata();
    expect({ icc, space }).toEqual({ icc: undefined, space: 'srgb' });
  });

  it('lays a transparent picture on white for JPEG and keeps it transparent elsewhere', async () => {
    const clear = await sharp({ create: { width: 8, height: 8, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } })
      .png()
      .toBuffer();
    const pixel = async (format: VariantFormat) => [
      ...(await sharp((await resize(clear, { format })).bytes)
        .raw()
        .toBuffer()),
    ];
    expect((await pixel('jpeg')).slice(0, 3)).toEqual([255, 255, 255]);
    expect((await pixel('webp'))[3]).toBe(0);
    expect((await pixel('png'))[3]).toBe(0);
  });

  it.each(variantFormats)('makes the same bytes of %s each time', async (format) => {
    const bytes = await picture(300, 200).jpeg().toBuffer();
    const [first, second] = await Promise.all([resize(bytes, { format }), resize(bytes, { format })]);
    expect(first.bytes.equals(second.bytes)).toBe(true);
    expect(first.bytes.equals((await resize(bytes, { format })).bytes)).toBe(true);
  });

  it('decodes the picture and not its thumbnail, and data behind its end does no harm', async () => {
    const bytes = withThumbnail(await picture(300, 200).jpeg().toBuffer(), await picture(30, 20).jpeg().toBuffer());
    expect(await resize(Buffer.concat([bytes, Buffer.from('more')]), { width: 200 })).toMatchObject({ width: 200, height: 133 });
  });

  it.each(formats)('refuses %s that is cut off', async (format) => {
    const bytes = await picture(300, 200).toFormat(format).toBuffer();
    for (const part of [0.2, 0.5, 0.9]) {
      const cut = bytes.subarray(0, Math.floor(bytes.length * part));
      await expect(resize(cut, {})).rejects.toMatchObject({ code: 'image_unreadable', retryable: false });
    }
  });

  it('refuses what is no picture at all', async () => {
    await expect(resize(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), {})).rejects.toMatchObject({ code: 'image_unreadable' });
  });
});

describe('limits and failures', () => {
  const variant: VariantRequest = { name: 'v', width: 10, format: 'webp' };

  it('refuses a few bytes that claim 60000 × 60000 pixels', async () => {
    const expected = { code: 'image_too_large', retryable: false, message: 'The picture has more than 100000000 pixels.' };
    await expect(inspect(stream(pixelBomb(60_000)))).rejects.toMatchObject(expected);
    await expect(render(stream(pixelBomb(60_000)), [variant])).rejects.toMatchObject(expected);
  });

  it('draws the line where it is told', async () => {
    const bytes = await picture(100, 100).png().toBuffer();
    const own = [10_000, 9_999].map((maxPixels) => createImageEngine({ dataDir, maxPixels }));
    const small = createImageEngine({ dataDir, maxBytes: bytes.length - 1 });
    try {
      const [enough, tooFew] = own.map((one) => one.inspect({ read: () => stream(bytes) }, { contentType }));
      expect(await enough).toMatchObject({ width: 100 });
      await expect(tooFew).rejects.toMatchObject({ code: 'image_too_large' });
      await expect(small.inspect({ read: () => stream(bytes) }, { contentType })).rejects.toMatchObject({ code: 'image_too_large' });
    } finally {
      for (const one of [...own, small]) await one.close();
    }
  });

  it('passes on a failure of the source as it is', async () => {
    const failure = new Error('disk on fire');
    const source = Readable.from(
      (function* () {
        yield Buffer.from('ffd8ffe000104a46494600010100', 'hex');
        throw failure;
      })(),
    );
    await expect(render(source, [variant])).rejects.toBe(failure);
  });

  it('begins with several pictures at once where no directory is yet', async () => {
    const fresh = createImageEngine({ dataDir: join(dataDir, 'fresh') });
    const bytes = await picture(60, 40).png().toBuffer();
    const looks = Array.from({ length: 4 }, () => fresh.inspect({ read: () => stream(bytes) }, { contentType }));
    expect(await Promise.all(looks)).toHaveLength(4);
    await fresh.close();
  });

  it('takes a file where it lies, and leaves it there', async () => {
    const kept = join(dataDir, 'kept.png');
    await writeFile(kept, await picture(60, 40).png().toBuffer());
    const read = () => {
      throw new Error('It is not read as a stream.');
    };
    const source = { read, link: (path: string) => link(kept, path).then(() => true) };
    expect(await engine.inspect(source, { contentType })).toMatchObject({ width: 60, height: 40 });
    await writeFile(kept, 'no picture');
    expect(await engine.inspect(source, { contentType })).toBeNull();
    const large = createImageEngine({ dataDir, maxBytes: 20 });
    await writeFile(kept, await picture(60, 40).png().toBuffer());
    await expect(large.inspect(source, { contentType })).rejects.toMatchObject({ code: 'image_too_large' });
    await large.close();
    expect(await readdir(join(dataDir, 'image-work'))).toEqual([]);
    expect((await readFile(kept)).length).toBeGreaterThan(20);
  });

  it('ends with the reason of the signal while the source is silent, and destroys the source', async () => {
    const abort = new AbortController();
    const source = new Readable({ read: jest.fn() });
    const reason = new Error('cancelled');
    const pending = inspect(source, abort.signal);
    abort.abort(reason);
    await expect(pending).rejects.toBe(reason);
    expect(source.destroyed).toBe(true);
  });

  it('ends with the reason of the signal while the picture is encoded', async () => {
    const abort = new AbortController();
    const reason = new Error('cancelled');
    const bytes = await picture(600, 400).png().toBuffer();
    const source = stream(bytes);
    source.once('close', () => {
      setImmediate(() => {
        abort.abort(reason);
      });
    });
    const large: VariantRequest = { name: 'v', width: 600, format: 'avif' };
    await expect(render(source, [large], { signal: abort.signal })).rejects.toBe(reason);
  });
});
