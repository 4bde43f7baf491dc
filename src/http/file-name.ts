import { basename } from 'node:path/posix';

/** What file systems have room for, in bytes of UTF-8. */
const maxBytes = 255;

/** Names that are devices on Windows, whatever follows the dot. */
const device = /^(?:con|prn|aux|nul|com[\d\u00b9\u00b2\u00b3]|lpt[\d\u00b9\u00b2\u00b3])\s*(?:\.|$)/i;

/** The end, which tells the type, in whole characters. */
function shortened(name: string): string {
  const characters = Array.from(name);
  let bytes = Buffer.byteLength(name);
  let from = 0;
  for (; bytes > maxBytes; from += 1) bytes -= Buffer.byteLength(characters[from] ?? '');
  return characters.slice(from).join('');
}

/**
 * A name to show and to save under, of what a client sent: some send a whole path. Without what can't be seen, which could turn
 * `gpj.exe` round (RLO), and without halves of characters.
 */
export function plainName(name: string | undefined): string {
  const seen = basename((name ?? '').replaceAll('\\', '/')).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '');
  const plain = shortened(seen).replace(/^\s+|[\s.]+$/g, '');
  if (plain === '') return 'upload';
  return device.test(plain) ? shortened(`_${plain}`) : plain;
}
