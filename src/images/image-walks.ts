import type { ByteWalk } from './byte-walk.ts';

/** From after the first three bytes to the end-of-image marker (ITU T.81, annex B). What follows it is nobody's business. */
export function* jpegWalk(): ByteWalk {
  for (;;) {
    // Here just behind 0xff (at first the third byte of the file), which may be repeated as a filler.
    let code = 0xff;
    while (code === 0xff) code = byteAt(yield { take: 1 });
    if (code === 0xd9) return;
    // A zero stuffed into entropy-coded data, or a marker without a segment.
    const bare = code === 0x00 || code === 0x01 || (code >= 0xd0 && code <= 0xd8);
    // Segments are skipped by their length: the thumbnail within an EXIF segment has an end-of-image marker, too.
    if (!bare) yield { skip: Math.max(0, uint16(yield { take: 2 }) - 2) };
    yield { past: 0xff };
  }
}

/** From after the signature to the end of the chunk IEND (PNG, section 5.3). */
export function* pngWalk(): ByteWalk {
  for (;;) {
    const header = viewOf(yield { take: 8 });
    const checksum = 4;
    yield { skip: header.getUint32(0) + checksum };
    if (header.getUint32(4) === 0x49454e44) return;
  }
}

/** From after the signature to the trailer (GIF89a, section 27). */
export function* gifWalk(): ByteWalk {
  yield { skip: colourTableBytes(byteAt(yield { take: 7 }, 4)) };
  for (;;) {
    const introducer = byteAt(yield { take: 1 });
    if (introducer === 0x3b) return;
    if (introducer === 0x21) yield { skip: 1 };
    else if (introducer === 0x2c) yield { skip: colourTableBytes(byteAt(yield { take: 9 }, 8)) + 1 };
    else continue; // Decoders step over stray bytes between blocks.
    for (let length = byteAt(yield { take: 1 }); length > 0; length = byteAt(yield { take: 1 })) yield { skip: length };
  }
}

/** From after `RIFF`, size, `WEBP` to the end that the size tells (RFC 9649, section 2.4). */
export function* webpWalk(riffSize: number): ByteWalk {
  yield { skip: Math.max(0, riffSize - 4) };
}

function colourTableBytes(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function uint16(bytes: Uint8Array): number {
  return viewOf(bytes).getUint16(0);
}

function byteAt(bytes: Uint8Array, index = 0): number {
  return viewOf(bytes).getUint8(index);
}
