import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { RandomAccessReader } from 'yauzl';

type Read = (range: { start: number; end: number }) => Readable;

/** Headers, and small entries, lie close together: most are in a block that is there already. */
export const blockBytes = 64 * 1024;
/** The directory and what it describes are read side by side, and either may stand across two. */
const keptBlocks = 4;

/** Reads at any place of stored bytes, for yauzl. A few blocks are kept. */
export class StoredBytes extends RandomAccessReader {
  readonly #read: Read;
  readonly #size: number;
  /** By where they start; the one that was used last comes last. */
  readonly #blocks = new Map<number, Promise<Buffer>>();
  #failure: { error: unknown } | undefined;

  constructor(size: number, read: Read) {
    super();
    this.#size = size;
    this.#read = read;
  }

  /** Of the storage, where it was that which failed; yauzl tells no more than that something did. */
  get failure(): { error: unknown } | undefined {
    return this.#failure;
  }

  /** Short where the bytes end. */
  async bytesAt(start: number, length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let at = start; at < start + length && at < this.#size;) {
      const first = at - (at % blockBytes);
      const piece = (await this.#blockAt(first)).subarray(at - first, at - first + start + length - at);
      if (piece.length === 0) break;
      pieces.push(piece);
      at += piece.length;
    }
    return Buffer.concat(pieces);
  }

  override read(
    into: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (...done: [Error | null, number?]) => void,
  ): void {
    this.bytesAt(position, length).then(
      (bytes) => {
        callback(null, bytes.copy(into, offset));
      },
      (error: unknown) => {
        this.#failure = { error };
        callback(error as Error);
      },
    );
  }

  async #blockAt(start: number): Promise<Buffer> {
    const end = Math.min(start + blockBytes, this.#size) - 1;
    const block = this.#blocks.get(start) ?? buffer(this.#read({ start, end }));
    this.#blocks.delete(start);
    this.#blocks.set(start, block);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= keptBlocks) break;
      this.#blocks.delete(oldest);
    }
    return block;
  }
}
