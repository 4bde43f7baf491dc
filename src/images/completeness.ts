import type { ByteWalk } from './byte-walk.ts';
import { walker } from './byte-walk.ts';
import { gifWalk, jpegWalk, pngWalk, webpWalk } from './image-walks.ts';

export interface ImageCompleteness {
  /** Every byte of the file, in order, in chunks cut anywhere. */
  push(chunk: Uint8Array): void;
  /**
   * After the last byte: why the picture is incomplete; `undefined` when it is whole, or of a type that is not judged.
   * Without a sniffed type the signature decides.
   */
  verdict(sniffedType: string | undefined): string | undefined;
}

type Judged = 'image/jpeg' | 'image/png' | 'image/gif' | 'image/webp';

const reasons: Record<Judged, string> = {
  'image/jpeg': 'the JPEG ends before its end-of-image marker',
  'image/png': 'the PNG ends before its IEND chunk',
  'image/gif': 'the GIF ends before its trailer',
  'image/webp': 'the WebP ends before the size that its header tells',
};

/** Follows the structure of a picture while its bytes stream by, in constant memory. Decodes nothing. */
export function imageCompleteness(): ImageCompleteness {
  let type: Judged | undefined;

  function* picture(): ByteWalk {
    const start = latin1(yield { take: 3 });
    if (start === '\xff\xd8\xff') {
      type = 'image/jpeg';
      return yield* jpegWalk();
    }
    if (start === 'GIF' && /^8[79]a$/.test(latin1(yield { take: 3 }))) {
      type = 'image/gif';
      return yield* gifWalk();
    }
    if (start === '\x89PN' && latin1(yield { take: 5 }) === 'G\r\n\x1a\n') {
      type = 'image/png';
      return yield* pngWalk();
    }
    if (start === 'RIF') {
      const header = yield { take: 9 };
      if (/^F.{4}WEBP$/s.test(latin1(header))) {
        type = 'image/webp';
        return yield* webpWalk(Buffer.from(header).readUInt32LE(1));
      }
    }
  }

  const walk = walker(picture());
  return {
    push(chunk) {
      walk.push(chunk);
    },
    verdict(sniffedType) {
      if (type === undefined || walk.finished) return undefined;
      return sniffedType === undefined || sniffedType === type ? reasons[type] : undefined;
    },
  };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
