import { ArchiveRefused } from './refusal.ts';

/** Of those who unpack on Windows, too: there a backslash separates, and `C:` leads away. */
const leadsAway = (name: string) => /^[\\/]|^[A-Za-z]:/.test(name) || name.split(/[\\/]/).includes('..');

/** @throws ArchiveRefused for a name under which unpacking would write somewhere else (zip-slip). */
export function assertWithin(name: string): void {
  if (name.includes('\0')) throw new ArchiveRefused('archive_path', 'an entry has a NUL in its name');
  if (leadsAway(name)) throw new ArchiveRefused('archive_path', 'an entry has a name that leads out of the archive');
}

/** Whatever it points at: an entry behind it would be written through it. */
export function refuseLink(): never {
  throw new ArchiveRefused('archive_path', 'an entry is a symbolic link or a device');
}
