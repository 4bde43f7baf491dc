import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { provedType } from '../../../src/storage/sniff.ts';
import { animation, picture } from '../../support/pictures.ts';

const headBytes = 64 * 1024;

/** ZIP with uncompressed entries and no directory: what the head of a long archive looks like. */
function archive(entries: Record<string, Buffer>): Buffer {
  const parts = Object.entries(entries).flatMap(([name, data]) => {
    const header = Buffer.alloc(30);
    header.write('PK\x03\x04\x14', 'latin1');
    header.writeUInt32LE(data.length, 18);
    header.writeUInt32LE(data.length, 22);
    header.writeUInt16LE(name.length, 26);
    return [header, Buffer.from(name), data];
  });
  return Buffer.concat(parts).subarray(0, headBytes);
}

describe('the type that bytes prove', () => {
  it.each(['jpeg', 'png', 'webp', 'gif', 'avif', 'tiff'] as const)('is that of a picture in %s', async (format) => {
    const bytes = await picture(300, 200).toFormat(format).toBuffer();
    expect(await provedType(bytes.subarray(0, headBytes))).toBe(`image/${format}`);
    expect(await provedType(bytes.subarray(0, 200))).toBe(`image/${format}`);
  });

  it('is that of a PNG also when long metadata comes before the pixels', async () => {
    const png = await picture(20, 20).png().toBuffer();
    const text = Buffer.alloc(12 + 2 * headBytes, 'x');
    text.writeUInt32BE(2 * headBytes, 0);
    text.write('tEXt', 4, 'latin1');
    const bytes = Buffer.concat([png.subarray(0, 33), text, png.subarray(33)]);
    expect(await provedType(bytes.subarray(0, headBytes))).toBe('image/png');
  });

  it('is PNG for an animated one', async () => {
    const animated = Buffer.from(
      '89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489000000086163544c0000000200000000',
      'hex',
    );
    expect(await provedType(animated)).toBe('image/png');
    expect(await provedType(await (await animation(20, 20)).webp().toBuffer())).toBe('image/webp');
  });

  it.each([
    ['application/pdf', Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n', 'latin1')],
    ['application/pdf', Buffer.from('%PDF-1.7\n1 0 obj\n')],
    ['application/rtf', Buffer.from('{\\rtf1\\ansi Dear Ada}')],
    ['application/xml', Buffer.from('<?xml version="1.0"?>\n<order><svg/></order>')],
    ['image/svg+xml', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['image/svg+xml', Buffer.from('\ufeff<?xml version="1.0"?>\n<!-- made by hand -->\n<!DOCTYPE svg>\n<svg width="1"/>')],
    ['application/gzip', gzipSync(Buffer.alloc(300_000, 'Ada')).subarray(0, 200)],
    ['application/zip', archive({ 'a.bin': Buffer.alloc(2 * headBytes, 0xfe) })],
    ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', workbook(Buffer.alloc(10))],
    ['image/heic', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1')],
  ])('is %s', async (type, bytes) => {
    expect(await provedType(bytes)).toBe(type);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['CSV', Buffer.from('name,city\nAda,Oslo\n')],
    ['CSV that begins like a BMP', Buffer.from('BMW,Audi\n1,2\n'.repeat(500))],
    ['text that begins like a GIF', Buffer.from('GIFT list\n'.repeat(500))],
    ['text that begins like a program', Buffer.from('MZ is a short name\n')],
    ['text that begins like music', Buffer.from('ID3 is a tag\n'.repeat(50))],
    ['UTF-16 text of a spreadsheet program', Buffer.from('\ufeffname;city\r\nAda;Tromsø\r\n', 'utf16le')],
    ['big-endian UTF-16 text', Buffer.from('\ufeffname;city\r\nAda;Tromsø\r\n', 'utf16le').swap16()],
    ['text in Latin-1', Buffer.from('BMW f\xfcr Ada\x85\n', 'latin1')],
    ['HTML that shows a picture', Buffer.from('<html><svg/></html>')],
    ['text that talks of a picture', Buffer.from('In HTML, <svg> is a picture')],
    ['unknown bytes', Buffer.from('0001020304050607', 'hex')],
  ])('is not there for %s', async (_, bytes) => {
    expect(await provedType(bytes)).toBeUndefined();
  });

  it('is told or not told, but never an exception, for any bytes', async () => {
    const start = fc.constantFrom(
      '',
      '1f8b08',
      '504b0304',
      '1a45dfa3',
      '89504e470d0a1a0a0000000d49484452',
      '49492a00',
      '494433',
      '4f676753',
    );
    await fc.assert(
      fc.asyncProperty(start, fc.uint8Array({ maxLength: 600 }), async (signature, rest) => {
        expect(['undefined', 'string']).toContain(typeof (await provedType(Buffer.concat([Buffer.from(signature, 'hex'), rest]))));
      }),
    );
  });
});

function workbook(sheet: Buffer): Buffer {
  const type = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml';
  const contentTypes = `<?xml version="1.0"?><Types><Override PartName="/xl/workbook.xml" ContentType="${type}"/></Types>`;
  return archive({ '[Content_Types].xml': Buffer.from(contentTypes), 'xl/worksheets/sheet1.xml': sheet });
}
