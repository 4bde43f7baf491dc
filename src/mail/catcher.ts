import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';

import { SMTPServer } from 'smtp-server';

import { keepMessage, sweepUnfinished, TooLarge } from './caught-mail.ts';

const maxBytes = 25 * 1024 * 1024;

export interface CatcherOptions {
  /** 0 takes a free one. */
  port: number;
  host?: string;
  /** Made if missing. Its `*.eml` files are the mailbox; only one catcher may use it. */
  directory: string;
}

export interface Catcher {
  port: number;
  close(): Promise<void>;
}

function refusal(error: unknown): Error {
  if (error instanceof TooLarge) return Object.assign(new Error(`Message is larger than ${String(maxBytes)} bytes`), { responseCode: 552 });
  const reason = typeof error === 'object' && error !== null && 'code' in error ? ` (${String(error.code)})` : '';
  return Object.assign(new Error(`Message could not be stored, try again later${reason}`), { responseCode: 451 });
}

/**
 * An SMTP server that delivers nothing: it writes every message to a file, and says 250 only once the file is durable.
 * Its greeting comes about 100 ms late; smtp-server has no option for that, so senders should keep their connections.
 *
 * @throws the system's error (`EADDRINUSE`, …) when it can't listen.
 */
export async function startCatcher({ port, host = '127.0.0.1', directory }: CatcherOptions): Promise<Catcher> {
  await mkdir(directory, { recursive: true });
  await sweepUnfinished(directory);

  // By connection id.
  const receiving = new Map<string, Promise<void>>();
  let closing = false;
  const dismissIdle = () => {
    for (const connection of server.connections) if (!receiving.has(connection.id)) connection.send(421, 'Closing down');
  };

  const server = new SMTPServer({
    banner: 'Handoff mail catcher, nothing is delivered',
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    size: maxBytes,
    closeTimeout: 5_000,
    onData(stream, { id, envelope }, callback) {
      const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
      const recipients = envelope.rcptTo.map(({ address }) => address);
      const reply = (error: Error | null, text?: string) => {
        // First: the callback may take up the connection's next message at once.
        receiving.delete(id);
        callback(error, text);
        if (closing) dismissIdle();
      };
      const kept = keepMessage(directory, { from, recipients, stream }).then(
        (name) => {
          reply(null, `Kept as ${name}`);
        },
        (error: unknown) => {
          reply(refusal(error));
        },
      );
      receiving.set(id, kept);
    },
  });
  // Broken connections end up here as well; the client knows best.
  server.on('error', () => undefined);
  server.listen(port, host);
  await once(server.server, 'listening');

  return {
    port: (server.server.address() as AddressInfo).port,
    async close() {
      closing = true;
      const closed = new Promise<void>((resolve) => {
        server.close(resolve);
      });
      dismissIdle();
      await closed;
      // Of messages that were broken off, the unfinished files have yet to go.
      await Promise.all(receiving.values());
    },
  };
}
