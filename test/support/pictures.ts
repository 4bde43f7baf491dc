import { deflateSync } from 'node:zlib';
import type { Sharp } from 'sharp';
import sharp from 'sharp';

/** Grain over a gradient: the same for the same size, and as hard to compress as a photo. */
export function picture(width: number, height: number, channels: 3 | 4 = 3): Sharp {
  const pixels = Buffer.alloc(width * height * channels);
  let seed = 1;
  for (let i = 0; i < pixels.length; i += 1) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    pixels[i] = ((i / pixels.length) * 200 + (seed >>> 26)) & 0xff;
  }
  return sharp(pixels, { raw: { width, height, channels } });
}

/** Two frames. */
export async function animation(width: number, height: number): Promise<Sharp> {
  const frames = [picture(width, height), picture(width, height).negate()];
  return sharp(await Promise.all(frames.map((frame) => frame.png().toBuffer())), { join: { animated: true } });
}

function pngChunk(type: string, data: Buffer): Buffer {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, 'latin1');
  data.copy(chunk, 8);
  return chunk;
}

/** A few bytes that claim to be a huge picture. Its checksums are zero: a decoder must refuse it by the header. */
export function pixelBomb(side: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2], 8);
  const data = pngChunk('IDAT', deflateSync(Buffer.alloc(1000)));
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), pngChunk('IHDR', header), data, pngChunk('IEND', Buffer.alloc(0))]);
}

/** Puts an EXIF segment with a whole JPEG as its thumbnail behind the start of another JPEG. */
export function withThumbnail(jpeg: Buffer, thumbnail: Buffer): Buffer {
  const tiff = Buffer.alloc(44);
  tiff.write('II*\0', 0, 'latin1');
  tiff.writeUInt32LE(8, 4);
  // Directory 0 is empty and points at directory 1, whose two entries point at the thumbnail.
  tiff.writeUInt32LE(14, 10);
  tiff.writeUInt16LE(2, 14);
  for (const [at, tag, value] of [
    [16, 0x0201, 44],
    [28, 0x0202, thumbnail.length],
  ] as const) {
    tiff.writeUInt16LE(tag, at);
    tiff.writeUInt16LE(4, at + 2);
    tiff.writeUInt32LE(1, at + 4);
    tiff.writeUInt32LE(value, at + 8);
  }
  const body = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff, thumbnail]);
  const segment = Buffer.from([0xff, 0xe1, 0, 0]);
  segment.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), segment, body, jpeg.subarray(2)]);
}
