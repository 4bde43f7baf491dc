import { readFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';

import { animation, picture, pixelBomb } from './pictures.ts';

export interface HostileFile {
  name: string;
  contentType: string;
  bytes: Buffer;
}

/** The same numbers for the same seed, in [0, 1). */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const svg = (inner: string, size = 'width="80" height="40"') =>
  Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${size}>${inner}</svg>`);

/** One small valid file of each format that is decoded. */
async function seeds(): Promise<HostileFile[]> {
  const still = picture(48, 32);
  const formats = ['jpeg', 'png', 'webp', 'avif', 'tiff'] as const;
  const made = formats.map(async (format) => ({
    name: format,
    contentType: `image/${format}`,
    bytes: await still.clone().toFormat(format).toBuffer(),
  }));
  const moving = await animation(24, 16);
  return [
    ...(await Promise.all(made)),
    { name: 'progressive jpeg', contentType: 'image/jpeg', bytes: await still.clone().jpeg({ progressive: true }).toBuffer() },
    { name: 'gif', contentType: 'image/gif', bytes: await moving.clone().gif().toBuffer() },
    { name: 'animated webp', contentType: 'image/webp', bytes: await moving.clone().webp().toBuffer() },
    { name: 'heic', contentType: 'image/heic', bytes: readFileSync(new URL('../corpus/flat.heic', import.meta.url)) },
    {
      name: 'svg',
      contentType: 'image/svg+xml',
      bytes: svg('<defs><path id="a" d="M0 0L9 9"/></defs><use href="#a"/><text x="1">a</text>'),
    },
  ];
}

type Mutation = (bytes: Buffer, next: () => number, others: HostileFile[]) => Buffer;

const place = (bytes: Buffer, next: () => number) => Math.floor(next() * bytes.length);

const mutations: Record<string, Mutation> = {
  flipped: (bytes, next) => {
    const copy = Buffer.from(bytes);
    for (let count = 1 + Math.floor(next() * 20); count > 0; count -= 1) copy[place(copy, next)] = Math.floor(next() * 256);
    return copy;
  },
  'cut off': (bytes, next) => bytes.subarray(0, place(bytes, next)),
  'with a length that lies': (bytes, next) => {
    const copy = Buffer.from(bytes);
    const at = Math.min(copy.length - 4, place(copy, next));
    copy.writeUInt32BE([0xffffffff, 0x7fffffff, 0x0000ffff, 0][Math.floor(next() * 4)] ?? 0, Math.max(0, at));
    return copy;
  },
  'with a hole': (bytes, next) => {
    const copy = Buffer.from(bytes);
    const at = place(copy, next);
    return copy.fill(0, at, Math.min(copy.length, at + 1 + Math.floor(next() * 200)));
  },
  'with a part twice': (bytes, next) => {
    const at = place(bytes, next);
    const part = bytes.subarray(at, at + 1 + Math.floor(next() * 300));
    return Buffer.concat([bytes.subarray(0, at), ...Array.from({ length: 1 + Math.floor(next() * 50) }, () => part), bytes.subarray(at)]);
  },
  'that goes on as another': (bytes, next, others) => {
    const other = others[Math.floor(next() * others.length)]?.bytes ?? bytes;
    return Buffer.concat([bytes.subarray(0, place(bytes, next)), other.subarray(place(other, next))]);
  },
  'and a page': (bytes) => Buffer.concat([bytes, Buffer.from('<html><script>alert(1)</script></html>')]),
};

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** A valid PNG of one bit a pixel, all zero: some kilobytes for as many pixels as it says. */
function flatPng(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([1, 0], 8);
  const rows = deflateSync(Buffer.alloc((Math.ceil(width / 8) + 1) * height), { level: 9 });
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    pngChunk('IHDR', header),
    pngChunk('IDAT', rows),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Frames of one pixel on a canvas of any size. */
function gif(frames: number, width: number, height: number): Buffer {
  const start = Buffer.from('47494638396100000000800000000000ffffff', 'hex');
  start.writeUInt16LE(width, 6);
  start.writeUInt16LE(height, 8);
  const frame = Buffer.from('21f90400010000002c00000000010001000002024401003b', 'hex').subarray(0, 23);
  return Buffer.concat([start, ...Array.from({ length: frames }, () => frame), Buffer.from([0x3b])]);
}

/** A chain of directories, each with one entry; `loop`: the last one points at the first. */
function tiff(directories: number, loop: boolean): Buffer {
  const bytes = Buffer.alloc(8 + directories * 18);
  bytes.write('II*\0', 0, 'latin1');
  bytes.writeUInt32LE(8, 4);
  for (let index = 0; index < directories; index += 1) {
    const at = 8 + index * 18;
    bytes.writeUInt16LE(1, at);
    bytes.writeUInt16LE(0x0100, at + 2);
    bytes.writeUInt16LE(4, at + 4);
    bytes.writeUInt32LE(1, at + 6);
    bytes.writeUInt32LE(60_000, at + 10);
    const isLast = index === directories - 1;
    bytes.writeUInt32LE(isLast ? (loop ? 8 : 0) : at + 18, at + 14);
  }
  return bytes;
}

/** Made by hand: each is small, and asks for much. */
async function bombs(): Promise<HostileFile[]> {
  const webp = await (await animation(24, 16)).webp().toBuffer();
  const lyingWebp = Buffer.from(webp);
  // The canvas of VP8X: 24 bits each, less one.
  lyingWebp.fill(0xff, 24, 30);
  const still = await picture(48, 32).jpeg().toBuffer();
  const lyingJpeg = Buffer.from(still);
  lyingJpeg.fill(0xff, lyingJpeg.indexOf(Buffer.from('ffc0', 'hex')) + 5, lyingJpeg.indexOf(Buffer.from('ffc0', 'hex')) + 9);
  const polyglotGif = Buffer.concat([Buffer.from('GIF89a/*', 'latin1'), Buffer.alloc(200, 0x20), Buffer.from('*/=1;alert(1)//')]);
  const uses = Array.from(
    { length: 20 },
    (_, index) => `<g id="g${String(index + 1)}">${`<use href="#g${String(index)}"/>`.repeat(10)}</g>`,
  );
  const one = (name: string, contentType: string, bytes: Buffer | string): HostileFile => ({
    name,
    contentType,
    bytes: Buffer.from(bytes),
  });
  return [
    one('PNG of 65,535 × 65,535 pixels by its header', 'image/png', pixelBomb(65_535)),
    one('PNG of 65,535 × 65,535 pixels, whole', 'image/png', flatPng(65_535, 65_535 / 5)),
    one('PNG of 9,999 × 9,999 pixels', 'image/png', flatPng(9_999, 9_999)),
    one('PNG of 1 × 5,000,000 pixels', 'image/png', flatPng(1, 5_000_000)),
    one('GIF of 10,000 frames', 'image/gif', gif(10_000, 100, 100)),
    one('GIF of 65,535 × 65,535 pixels', 'image/gif', gif(1, 65_535, 65_535)),
    one('GIF of 500 frames of 9,999 × 9,999 pixels', 'image/gif', gif(500, 9_999, 9_999)),
    one('TIFF of 50,000 directories', 'image/tiff', tiff(50_000, false)),
    one('TIFF whose directories go round', 'image/tiff', tiff(100, true)),
    one('WebP whose canvas lies', 'image/webp', lyingWebp),
    one('JPEG of 65,535 × 65,535 pixels by its header', 'image/jpeg', lyingJpeg),
    one('GIF that is JavaScript', 'image/gif', polyglotGif),
    one('PDF that is HTML', 'image/png', '%PDF-1.7\n<html><script>alert(1)</script>'),
    one('HTML as PNG', 'image/png', '<!doctype html><script>alert(1)</script>'),
    one('HTML as SVG', 'image/svg+xml', '<html xmlns="http://www.w3.org/1999/xhtml"><body onload="alert(1)"/></html>'),
    one('nothing', 'image/png', ''),
    one('a signature alone', 'image/png', Buffer.from('89504e470d0a1a0a00000000', 'hex')),
    one('SVG of 10^20 uses', 'image/svg+xml', svg(`<path id="g0" d="M0 0L9 9"/>${uses.join('')}<use href="#g20"/>`)),
    one('SVG of a million pixels a side', 'image/svg+xml', svg('<rect width="9" height="9"/>', 'width="1000000" height="1000000"')),
    one('SVG of 200,000 elements within each other', 'image/svg+xml', svg('<g>'.repeat(200_000) + '</g>'.repeat(200_000))),
    one(
      'SVG with a filter that never ends',
      'image/svg+xml',
      svg(`<filter id="f">${'<feGaussianBlur stdDeviation="1000"/>'.repeat(500)}</filter><rect filter="url(#f)" width="80" height="40"/>`),
    ),
    one(
      'SVG of growing entities',
      'image/svg+xml',
      `<!DOCTYPE svg [<!ENTITY a "${'a'.repeat(1000)}"><!ENTITY b "${'&a;'.repeat(1000)}">]>${svg('<text>&b;</text>').toString()}`,
    ),
    one('SVG that refers to a file of ours', 'image/svg+xml', svg('<image xlink:href="file:///etc/passwd" width="9" height="9"/>')),
  ];
}

/** The first ones are made by hand, the others are valid files with faults. The same for the same seed. */
export async function hostileFiles(count: number, seed = 1): Promise<HostileFile[]> {
  const next = random(seed);
  const valid = await seeds();
  const files = (await bombs()).slice(0, count);
  const kinds = Object.entries(mutations);
  for (let index = 0; files.length < count; index += 1) {
    const base = valid[index % valid.length] as HostileFile;
    const [kind, mutate] = kinds[Math.floor(index / valid.length) % kinds.length] as [string, Mutation];
    files.push({ name: `${base.name} ${kind}, ${String(index)}`, contentType: base.contentType, bytes: mutate(base.bytes, next, valid) });
  }
  return files;
}

/** Re-read with our own decoder, without trust in what was told. */
export async function isPictureWithin(bytes: Buffer, side: number): Promise<boolean> {
  const { width, pageHeight, height } = await sharp(bytes).metadata();
  return width <= side && (pageHeight ?? height) <= side;
}
