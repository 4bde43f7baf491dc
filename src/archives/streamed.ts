import { PassThrough } from 'node:stream';
import { createGunzip } from 'node:zlib';

import type { StoredArchive, Watching } from '../../activities/scan.ts';
import { headerBytes, isTarHeader, type TarWalk, walkTar } from './tar.ts';
import type { Tally } from './tally.ts';
import { unpacking } from './unpacking.ts';

/** What a stream of unpacked bytes holds: a tar archive if its first block says so, else one entry. */
function createContents(tally: Tally, isTar: boolean): TarWalk {
  let first: Buffer | undefined = Buffer.alloc(0);
  let tar = isTar ? walkTar(tally) : undefined;
  const begin = (block: Buffer): void => {
    first = undefined;
    if (tar === undefined && isTarHeader(block)) tar = walkTar(tally);
    if (tar === undefined) tally.entries(1);
    tar?.write(block);
  };
  return {
    write(chunk) {
      if (first === undefined) tar?.write(chunk);
      else {
        first = Buffer.concat([first, chunk]);
        if (first.length >= headerBytes) begin(first);
      }
    },
    end() {
      if (first !== undefined) begin(first);
      tar?.end();
    },
  };
}

/**
 * gzip and tar, and tar within gzip: each byte once, and none is kept.
 * @throws ArchiveRefused; what `read` threw; whatever zlib says of broken bytes.
 */
export async function examineStream({ format, read }: StoredArchive, tally: Tally, { signal, passed }: Watching): Promise<void> {
  const contents = createContents(tally, format === 'tar');
  const look = (chunk: Buffer): void => {
    tally.bytes(chunk.byteLength);
    contents.write(chunk);
  };
  await unpacking(read(), format === 'gzip' ? createGunzip() : new PassThrough(), look, { signal, passed });
  contents.end();
}
