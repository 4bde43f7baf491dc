import { Readable } from 'node:stream';

/** As much leaves at once: of a longer message it is known how far it came. */
const pieceBytes = 16_384;

/** Holds a message back until it may leave, and knows how much of it has left. */
export interface Gate {
  /** The same bytes; the first comes once the gate is open. Another call, for another connection, asks again. */
  around(content: Readable | Buffer): Readable;
  /** Some of it has been handed over. */
  begun(): boolean;
  /** All of it has: from now on the end of the message may have reached the server. Before, no server can have taken it. */
  ended(): boolean;
  /** Why the gate did not open, or why the content could not be read. */
  refusal(): unknown;
}

/** How long ago it may have been opened for one who goes through, in milliseconds: meanwhile another attempt may have begun. */
const freshMs = 1_000;

export interface GateOptions {
  /** It may be opened at once, and not only for one who stands before it. */
  early?: boolean;
  /** In milliseconds. */
  clock?: () => number;
}

export function gateOf(open: () => Promise<void>, { early = false, clock = () => performance.now() }: GateOptions = {}): Gate {
  const streams: Readable[] = [];
  let refusal: unknown;

  function heldBack(error: unknown): Error {
    refusal = error;
    // nodemailer writes into the error that it is given.
    return new Error('The content is held back', { cause: error });
  }

  const openedAt = clock();
  const opening = early ? open() : undefined;
  // Whoever goes through is told.
  opening?.catch(() => undefined);
  const enter = () => (opening !== undefined && clock() < openedAt + freshMs ? opening : open());

  async function* opened(content: Readable): AsyncGenerator<Buffer> {
    try {
      await enter();
      for await (const chunk of content) yield chunk as Buffer;
    } catch (error) {
      throw heldBack(error);
    }
  }

  /** The same without an iterator, which costs more than the rest of a short message. */
  function whole(content: Buffer): Readable {
    let at: number | undefined;
    return new Readable({
      read() {
        const go = () => {
          const from = at ?? 0;
          at = from + pieceBytes;
          this.push(content.subarray(from, at));
          if (at >= content.length) this.push(null);
        };
        if (at !== undefined) {
          go();
          return;
        }
        enter().then(go, (error: unknown) => {
          this.destroy(heldBack(error));
        });
      },
    });
  }

  return {
    around(content) {
      const stream = Buffer.isBuffer(content) ? whole(content) : Readable.from(opened(content), { objectMode: false });
      streams.push(stream);
      return stream;
    },
    begun: () => streams.some(({ readableDidRead }) => readableDidRead),
    ended: () => streams.some(({ readableEnded }) => readableEnded),
    refusal: () => refusal,
  };
}
