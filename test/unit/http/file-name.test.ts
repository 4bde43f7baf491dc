import fc from 'fast-check';
import { describe, expect, test } from '@jest/globals';

import { plainName } from '../../../src/http/file-name.ts';

describe('the name of an upload', () => {
  test.each([
    ['../../etc/passwd', 'passwd'],
    ['..\\..\\boot.ini', 'boot.ini'],
    ['a/..', 'upload'],
    ['/', 'upload'],
    [undefined, 'upload'],
    // Shown, that is `exe.jpg`: U+202E turns round what follows.
    ['\u202egpj.exe', 'gpj.exe'],
    ['a\u2066b\u2069\u200e\u200b\ufeff\u061c.txt', 'ab.txt'],
    ['a\u2028b\u2029c\fd\r\n.txt', 'abcd.txt'],
    ['a\0.png.exe', 'a.png.exe'],
    ['half \ud83d.txt', 'half .txt'],
    ['CON', '_CON'],
    ['nul.tar.gz', '_nul.tar.gz'],
    ['Com¹ .txt', '_Com¹ .txt'],
    ['lpt1', '_lpt1'],
    ['console.log', 'console.log'],
    [' a.txt . ', 'a.txt'],
    ['...', 'upload'],
    ['.env', '.env'],
    ['\u202e', 'upload'],
    [`${'a'.repeat(300)}.txt`, `${'a'.repeat(251)}.txt`],
    [`${'北'.repeat(100)}.txt`, `${'北'.repeat(83)}.txt`],
    [`${'🦌'.repeat(100)}.txt`, `${'🦌'.repeat(62)}.txt`],
  ])('%j is kept as %j', (name, kept) => {
    expect(plainName(name)).toBe(kept);
  });

  test('can be shown and saved anywhere, whatever was sent', () => {
    const nasty = fc.array(fc.constantFrom('a', '.', ' ', '/', '\\', '..', '\u202e', '\0', '\f', '\ud83d', '🦌', 'con', 'NUL', ':'), {
      maxLength: 400,
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 400 }),
          nasty.map((parts) => parts.join('')),
        ),
        (sent) => {
          const name = plainName(sent);
          expect(name).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}/\\]/u);
          expect(name).not.toMatch(/^(?:con|nul)\s*(?:\.|$)|^\s|[\s.]$/i);
          expect(name).not.toBe('');
          expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
          expect(plainName(name)).toBe(name);
        },
      ),
    );
  });
});
