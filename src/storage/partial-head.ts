import { createReadStream } from 'node:fs';
import { buffer } from 'node:stream/consumers';

import { onDisk } from './disk-failure.ts';
import { headBytes } from './disk-stage.ts';
import { provedType } from './sniff.ts';

export interface Head {
  path: string;
  /** How many bytes are there already. */
  offset: number;
  /** Told once what the first bytes prove; what it throws ends what comes. */
  onType: (type: string | undefined) => Promise<void>;
}

/** Passes on what comes. Before it passes on the byte that completes the head it tells the type, as it will be told of the whole. */
export async function* tellingType(bytes: AsyncIterable<Uint8Array>, { path, offset, onType }: Head): AsyncGenerator<Uint8Array> {
  const pieces: Buffer[] = [];
  let missing = headBytes - offset;
  for await (const chunk of bytes) {
    if (missing > 0) {
      pieces.push(Buffer.from(chunk.subarray(0, missing)));
      missing -= chunk.byteLength;
      if (missing <= 0) await onType(await provedType(Buffer.concat([await firstBytes(path, offset), ...pieces])));
    }
    yield chunk;
  }
}

const firstBytes = (path: string, count: number): Promise<Buffer> =>
  count === 0 ? Promise.resolve(Buffer.alloc(0)) : onDisk(buffer(createReadStream(path, { end: count - 1 })));
