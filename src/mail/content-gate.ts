import { Readable } from 'node:stream';

/** Holds a message back until it may leave, and knows how much of it has left. */
export interface Gate {
  /** The same bytes; the first comes once the gate is open. Another call, for another connection, asks again. */
  around(content: Readable): Readable;
  /** Some of it has been handed over. */
  begun(): boolean;
  /** All of it has: from now on the end of the message may have reached the server. Before, no server can have taken it. */
  ended(): boolean;
  /** Why the gate did not open, or why the content could not be read. */
  refusal(): unknown;
}

export function gateOf(open: () => Promise<void>): Gate {
  const streams: Readable[] = [];
  let refusal: unknown;

  async function* opened(content: Readable): AsyncGenerator<Buffer> {
    try {
      await open();
      for await (const chunk of content) yield chunk as Buffer;
    } catch (error) {
      refusal = error;
      // nodemailer writes into the error that it is given.
      throw new Error('The content is held back', { cause: error });
    }
  }

  return {
    around(content) {
      const stream = Readable.from(opened(content), { objectMode: false });
      streams.push(stream);
      return stream;
    },
    begun: () => streams.some(({ readableDidRead }) => readableDidRead),
    ended: () => streams.some(({ readableEnded }) => readableEnded),
    refusal: () => refusal,
  };
}
