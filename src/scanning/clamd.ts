import { connect, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

import type { VirusScanner, Watching } from '../../activities/scan.ts';
import { AppError } from '../errors.ts';
import { type Engine, engineOf, virusIn } from './clamd-reply.ts';

export type ClamdAddress = { readonly host: string; readonly port: number } | { readonly path: string };

export interface ClamdOptions {
  address: ClamdAddress;
  /** How long it may say nothing, and take nothing: it says nothing while it scans. */
  silenceSeconds: number;
}

export interface Clamd extends VirusScanner {
  /** @throws AppError `scanner_unavailable`. */
  engine: (signal?: AbortSignal) => Promise<Engine>;
}

/** A reply is a line; more is none of clamd's. */
const longestReply = 4_096;

const unavailable = (why: string, cause?: unknown) =>
  new AppError('scanner_unavailable', `The virus scanner ${why}.`, { retryable: true, cause });

interface Conversation {
  socket: Socket;
  /** Ends with what it has said up to NUL, or to its end. */
  reply: Promise<string>;
  /** Whether that is there. */
  hasReplied: () => boolean;
}

function converse(address: ClamdAddress, silenceSeconds: number): Conversation {
  const socket = connect('path' in address ? { path: address.path } : { ...address, noDelay: true });
  let said = '';
  let replied = false;
  const reply = new Promise<string>((resolve, reject) => {
    const done = (): void => {
      replied = true;
      const [text = ''] = said.split('\0');
      if (text === '') reject(unavailable('closed the connection without an answer'));
      else resolve(text.trim());
    };
    socket.setEncoding('latin1').on('data', (text: string) => {
      said += text;
      if (said.includes('\0') || said.length > longestReply) done();
    });
    socket.once('end', done).once('close', done);
    // A reply that is there already counts for more: clamd closes while we still send when it has had enough.
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (said === '') reject(unavailable(`can not be reached (${error.code ?? 'unknown error'})`, error));
      else done();
    });
    socket.setTimeout(silenceSeconds * 1000, () => {
      reject(unavailable('does not answer in time'));
      socket.destroy();
    });
  });
  // Whoever waits for it hears of it; until then nobody does.
  reply.catch(() => undefined);
  return { socket, reply, hasReplied: () => replied };
}

/** Resolves when the socket wants more, or nothing more will come of it. */
async function written(socket: Socket, bytes: Uint8Array): Promise<void> {
  if (socket.destroyed || socket.writableEnded || socket.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const go = (): void => {
      socket.off('drain', go).off('close', go).off('end', go);
      resolve();
    };
    socket.on('drain', go).on('close', go).on('end', go);
  });
}

function lengthOf(bytes: number): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(bytes);
  return prefix;
}

/**
 * The protocol of clamd (man clamd): INSTREAM, each chunk behind its length, an empty one as the last. Ours, and not a package:
 * those there are buffer what clamd does not take at once, and can't be stopped.
 */
export function createClamd({ address, silenceSeconds }: ClamdOptions): Clamd {
  async function talking<T>(signal: AbortSignal | undefined, talk: (conversation: Conversation) => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    const conversation = converse(address, silenceSeconds);
    let stop = (): void => undefined;
    // A source that is stuck may not even notice that it is destroyed: nobody waits for it.
    const stopped = new Promise<never>((_resolve, reject) => {
      stop = () => {
        reject(signal?.reason as Error);
      };
    });
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.race([talk(conversation), stopped]);
    } finally {
      signal?.removeEventListener('abort', stop);
      conversation.socket.destroy();
    }
  }

  const engine = (signal?: AbortSignal) =>
    talking(signal, async ({ socket, reply }) => {
      socket.write('zVERSION\0');
      return engineOf(await reply);
    });

  return {
    engine,
    async scan(source: Readable, { signal, passed }: Watching) {
      try {
        const known = await engine(signal);
        const virus = await talking(signal, async ({ socket, reply, hasReplied }) => {
          let sent = 0;
          socket.write('zINSTREAM\0');
          for await (const chunk of source as AsyncIterable<Buffer>) {
            // Lets an answer in that has come meanwhile: a write after it would take it away.
            await turn();
            if (hasReplied() || socket.destroyed) break;
            await written(socket, lengthOf(chunk.byteLength));
            await written(socket, chunk);
            sent += chunk.byteLength;
            passed(sent);
          }
          if (!hasReplied()) await written(socket, lengthOf(0));
          return virusIn(await reply);
        });
        return { virus, ...known };
      } finally {
        source.destroy();
      }
    },
  };
}
