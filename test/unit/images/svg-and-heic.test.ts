import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { afterAll, describe, expect, test } from '@jest/globals';
import sharp from 'sharp';

import { createImageEngine } from '../../../src/images/engine.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'handoff-images-'));
const engine = createImageEngine({ dataDir });
const heic = readFileSync(new URL('../../corpus/flat.heic', import.meta.url));

afterAll(async () => {
  await engine.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function pixelOf(bytes: Buffer, contentType: string): Promise<number[]> {
  let made = Buffer.alloc(0);
  await engine.render({ read: () => Readable.from([bytes]) }, [{ name: 'v', width: 40, format: 'png' }], {
    contentType,
    take: async (_, { path }) => {
      made = await readFile(path ?? '');
    },
  });
  const { data } = await sharp(made).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return [...data.subarray(0, 3)];
}

const svg = (inner: string, before = '') =>
  Buffer.from(
    `${before}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="80" height="40"><rect width="80" height="40" fill="#c04020"/>${inner}</svg>`,
  );

describe('an SVG', () => {
  const contentType = 'image/svg+xml';

  test('is drawn', async () => {
    const facts = await engine.inspect({ read: () => Readable.from([svg('')]) }, { contentType });
    expect(facts).toMatchObject({ format: 'svg', width: 80, height: 40 });
    expect(await pixelOf(svg('<use href="#a"/><rect fill="url(#b)" width="1"/>'), contentType)).toEqual([0xc0, 0x40, 0x20]);
  });

  test.each([
    ['an entity', svg('&a;', '<!DOCTYPE svg [<!ENTITY a "b">]>')],
    ['entities that grow', svg('&b;', '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>')],
    ['a file of ours', svg('<image xlink:href="file:///etc/passwd" width="9" height="9"/>')],
    ['a relative file', svg("<image href='picture.png' width='9' height='9'/>")],
    ['an address', svg('<image href="https://example.com/a.png" width="9" height="9"/>')],
    ['a drawing within', svg('<image href="data:image/svg+xml;base64,PHN2Zy8+" width="9" height="9"/>')],
    ['a style from elsewhere', svg('<style>@import "a.css";</style>')],
    ['a paint from elsewhere', svg('<rect fill="url(https://example.com/a.svg#b)" width="9" height="9"/>')],
    ['a script', svg('<script>alert(1)</script>')],
    ['a page', svg('<foreignObject><p>hello</p></foreignObject>')],
    ['UTF-16, which would hide all of these', Buffer.concat([Buffer.from('fffe', 'hex'), Buffer.from(svg('').toString(), 'utf16le')])],
  ])('with %s is refused', async (_, bytes) => {
    const looked = engine.inspect({ read: () => Readable.from([bytes]) }, { contentType });
    await expect(
      looked.then((facts) => facts ?? Promise.reject(Object.assign(new Error(), { code: 'image_unreadable' }))),
    ).rejects.toMatchObject({
      code: 'image_unreadable',
    });
  });
});

describe('a HEIC', () => {
  const contentType = 'image/heic';

  test('is read', async () => {
    expect(await engine.inspect({ read: () => Readable.from([heic]) }, { contentType })).toMatchObject({
      format: 'heic',
      width: 64,
      height: 48,
    });
    const [red = 0, green = 255, blue = 255] = await pixelOf(heic, contentType);
    expect([Math.abs(red - 0xc0) < 6, Math.abs(green - 0x40) < 6, Math.abs(blue - 0x20) < 6]).toEqual([true, true, true]);
  });

  test.each([0.3, 0.6, 0.95])('that is cut off at %f is refused', async (part) => {
    const cut = heic.subarray(0, Math.floor(heic.length * part));
    await expect(pixelOf(cut, contentType)).rejects.toMatchObject({ code: 'image_unreadable' });
  });
});
