import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/**
 * Gives each unpacked chunk to `look`; the source is read to its end or destroyed.
 * @throws what `look` threw above all: to leave a stream in the middle is an error to it, too.
 */
export async function unpacking(
  source: Readable,
  unpack: Transform,
  look: (chunk: Buffer) => void,
  { signal, passed }: { signal: AbortSignal; passed?: (bytes: number) => void },
): Promise<void> {
  let fault: { error: unknown } | undefined;
  let packed = 0;
  if (passed)
    source.on('data', (chunk: Buffer) => {
      packed += chunk.byteLength;
      passed(packed);
    });
  const each = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) {
      try {
        look(chunk);
      } catch (error) {
        fault = { error };
        throw error;
      }
    }
  };
  await pipeline(source, unpack, each, { signal }).catch((error: unknown) => {
    throw fault === undefined ? error : fault.error;
  });
}
