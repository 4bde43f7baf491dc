import zlib from 'node:zlib';

/** Higher ones take two to four times as long for a tenth less. */
const level = 2;
/** What most pieces become at once: each time around costs a change of threads. */
const chunkSize = 128 * 1024;
/** More than a piece can become. */
const room = 1024 * 1024;

/** Packs pieces that belong into one stream of raw deflate, each for itself, one at a time. */
export interface Deflater {
  pack(piece: Uint8Array): Promise<Buffer>;
  close(): void;
}

/** One for all pieces: making it costs as much as a small piece. @param piece at most 512 KiB */
export function deflater(): Deflater {
  // A full flush forgets what came before: the piece before this one in the archive may be another's. What is not taken at once would hold
  // it up; the types leave out the options of all streams.
  const options = { level, flush: zlib.constants.Z_FULL_FLUSH, chunkSize, readableHighWaterMark: room, writableHighWaterMark: room };
  const stream = zlib.createDeflateRaw(options);
  return {
    pack: (piece) =>
      new Promise((resolve, reject) => {
        stream.once('error', reject);
        stream.write(piece, (error) => {
          if (error) {
            reject(error);
            return;
          }
          stream.off('error', reject);
          resolve((stream.read() as Buffer | null) ?? Buffer.alloc(0));
        });
      }),
    close: () => {
      stream.close();
    },
  };
}

/** The last block, empty. */
export const deflateEnd = zlib.deflateRawSync(Buffer.alloc(0), { level });
