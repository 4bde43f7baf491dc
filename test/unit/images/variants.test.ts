import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { afterAll, describe, expect, test } from '@jest/globals';
import sharp from 'sharp';

import { createImageEngine } from '../../../src/images/engine.ts';
import { uploadRequest, type VariantRequest } from '../../../src/jobs/upload.ts';
import { animation, picture } from '../../support/pictures.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'handoff-images-'));
const engine = createImageEngine({ dataDir });
const contentType = 'image/png';

afterAll(async () => {
  await engine.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function render(bytes: Buffer, variants: Partial<VariantRequest>[]) {
  const made: { width: number; height: number; bytes: Buffer | null }[] = [];
  const asked = variants.map((variant, index) => ({ name: `v${String(index)}`, format: 'png' as const, ...variant }));
  const colours = await engine.render({ read: () => Readable.from([bytes]) }, asked, {
    contentType,
    take: async (index, { path, ...size }) => {
      made[index] = { ...size, bytes: path === null ? null : await readFile(path) };
    },
  });
  return { made, colours };
}

async function pixel(bytes: Buffer | null | undefined, x: number, y: number): Promise<number[]> {
  const { data, info } = await sharp(bytes ?? undefined)
    .raw()
    .toBuffer({ resolveWithObject: true });
  return [...data.subarray((y * info.width + x) * info.channels, (y * info.width + x + 1) * info.channels)];
}

/** Left half black, right half white, with a red spot of noise at the far right. */
async function halves(width: number, height: number): Promise<Buffer> {
  const pixels = Buffer.alloc(width * height * 3);
  for (let i = 0; i < width * height; i += 1) pixels.fill((i % width) * 2 < width ? 0 : 255, i * 3, i * 3 + 3);
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

describe('the fit of a variant', () => {
  test.each<[string, Partial<VariantRequest>, { width: number; height: number }]>([
    ['outside covers the box', { width: 60, height: 60, fit: 'outside' }, { width: 120, height: 60 }],
    ['cover is cut to the box', { width: 60, height: 60, fit: 'cover' }, { width: 60, height: 60 }],
    ['contain fills up to the box', { width: 60, height: 60, fit: 'contain' }, { width: 60, height: 60 }],
    ['fill squeezes into the box', { width: 60, height: 90, fit: 'fill' }, { width: 60, height: 90 }],
    ['a height alone', { height: 50 }, { width: 100, height: 50 }],
    ['cover never enlarges', { width: 100, height: 500, fit: 'cover' }, { width: 100, height: 100 }],
    ['fill never enlarges', { width: 500, height: 50, fit: 'fill' }, { width: 200, height: 50 }],
  ])('%s', async (_, variant, size) => {
    const { made } = await render(await halves(200, 100), [variant]);
    expect(made[0]).toMatchObject(size);
    const { width, height } = await sharp(made[0]?.bytes ?? undefined).metadata();
    expect({ width, height }).toEqual(size);
  });

  test('is cut where the position says', async () => {
    const cut = (position: VariantRequest['position']) => ({ width: 50, height: 100, fit: 'cover' as const, position });
    const { made } = await render(await halves(200, 100), [cut('left'), cut('right')]);
    expect([await pixel(made[0]?.bytes, 25, 50), await pixel(made[1]?.bytes, 25, 50)]).toEqual([
      [0, 0, 0],
      [255, 255, 255],
    ]);
  });

  test.each(['attention', 'entropy'] as const)('by %s keeps what is interesting', async (position) => {
    const noise = await picture(60, 100).modulate({ saturation: 3 }).png().toBuffer();
    const flat = sharp({ create: { width: 300, height: 100, channels: 3, background: '#808080' } });
    const bytes = await flat
      .composite([{ input: noise, left: 240, top: 0 }])
      .png()
      .toBuffer();
    const { made } = await render(bytes, [{ width: 60, height: 100, fit: 'cover', position }]);
    const { channels } = await sharp(made[0]?.bytes ?? undefined).stats();
    expect(channels[0]?.stdev).toBeGreaterThan(20);
  });

  test('leaves the background around what is contained: transparent, or as asked', async () => {
    const contained = { width: 60, height: 60, fit: 'contain' as const };
    const { made } = await render(await halves(200, 100), [contained, { ...contained, background: '#0000ff', format: 'webp' }]);
    expect(await pixel(made[0]?.bytes, 30, 2)).toEqual([0, 0, 0, 0]);
    const [red = 255, , blue = 0] = await pixel(made[1]?.bytes, 30, 2);
    expect([red < 20, blue > 235]).toEqual([true, true]);
  });
});

describe('what a variant may ask for', () => {
  test('a lower quality takes fewer bytes', async () => {
    const { made } = await render(await picture(300, 200).png().toBuffer(), [
      { width: 300, format: 'jpeg', quality: 30 },
      { width: 300, format: 'jpeg' },
    ]);
    expect(made[0]?.bytes?.length).toBeLessThan(made[1]?.bytes?.length ?? 0);
  });

  test('a background behind what is transparent', async () => {
    const clear = sharp({ create: { width: 8, height: 8, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } });
    const { made } = await render(await clear.png().toBuffer(), [{ width: 8, format: 'jpeg', background: '#ff0000' }]);
    expect((await pixel(made[0]?.bytes, 4, 4))[0]).toBeGreaterThan(240);
  });

  test('onlyIfSmaller leaves out what would not be smaller', async () => {
    const small = await picture(100, 100).webp({ quality: 5 }).toBuffer();
    const { made } = await render(small, [
      { width: 100, onlyIfSmaller: true },
      { width: 10, onlyIfSmaller: true },
    ]);
    expect(made.map(({ bytes }) => bytes === null)).toEqual([true, false]);
  });

  test('frames of an animation are kept, or dropped', async () => {
    const bytes = await (await animation(40, 30)).gif().toBuffer();
    const { made } = await render(bytes, [
      { width: 20, format: 'webp', animated: 'keep' },
      { width: 20, format: 'webp' },
    ]);
    expect(made[0]).toMatchObject({ width: 20, height: 15 });
    const pages = await Promise.all(made.map(async (one) => (await sharp(one.bytes ?? undefined).metadata()).pages ?? 1));
    expect(pages).toEqual([2, 1]);
  });

  test.each<[string, object, string]>([
    ['no size at all', {}, '/width'],
    ['a box without a height', { width: 10, fit: 'cover' }, '/fit'],
    ['a position without a cut', { width: 10, height: 10, position: 'left' }, '/position'],
    ['attention without a cut', { width: 10, height: 10, fit: 'contain', position: 'attention' }, '/position'],
    ['quality of PNG', { width: 10, format: 'png', quality: 50 }, '/quality'],
    ['an animation as JPEG', { width: 10, format: 'jpeg', animated: 'keep' }, '/animated'],
    ['a colour by name', { width: 10, background: 'red' }, '/background'],
  ])('not %s', (_, variant, pointer) => {
    const { error } = uploadRequest.safeParse({ variants: [{ name: 'v', format: 'webp', ...variant }] });
    expect(error?.issues.map(({ path }) => `/${path.slice(2).join('/')}`)).toEqual([pointer]);
  });
});

describe('what is told of a picture', () => {
  test('its pages, its transparency and its camera, but no place, number or name', async () => {
    const exif = {
      IFD0: { Make: 'Nikon', Model: 'Z 6', Artist: 'Ada', Copyright: 'Ada' },
      IFD2: {
        ExposureTime: '1/250',
        FNumber: '28/10',
        DateTimeOriginal: '2026:11:22 13:25:37',
        BodySerialNumber: '4711',
        CameraOwnerName: 'Ada',
      },
      IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1' },
    };
    const bytes = await picture(60, 40).withExif(exif).jpeg().toBuffer();
    const facts = await engine.inspect({ read: () => Readable.from([bytes]) }, { contentType });
    expect(facts).toEqual({
      ...{ format: 'jpeg', width: 60, height: 40, pages: 1, hasAlpha: false },
      camera: { make: 'Nikon', model: 'Z 6', exposureSeconds: 0.004, aperture: 2.8, takenAt: '2026-11-22T13:25:37' },
    });
  });

  test('the colour that is most of it, and a placeholder of some bytes', async () => {
    const blue = await sharp({ create: { width: 200, height: 100, channels: 3, background: '#1020f0' } })
      .png()
      .toBuffer();
    const { colours } = await render(blue, []);
    expect(colours.dominantColour).toMatch(/^#[01].[0-3].[ef].$/);
    expect(Buffer.from(colours.placeholder, 'base64').length).toBeLessThan(30);
  });
});
