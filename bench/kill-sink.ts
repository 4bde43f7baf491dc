import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

import type { Stage } from './stage.ts';

/** Where a message is held at its first attempt; further attempts go through. */
export const points = ['before MAIL', 'during DATA', 'before the ledger', 'after the ledger'] as const;
export type Point = (typeof points)[number];

export interface KillSink {
  port: number;
  /** Whole messages, by the sender's name, which is the name of the message. */
  copies: Map<string, number>;
  hold(name: string, point: Point): void;
  /** Those that are at their point now. */
  held: Set<string>;
  /** The reply to a message that is held after its end. */
  release(name: string): void;
}

/** A mail server that takes everything, once each message has been at the point where its worker is to be killed. */
export async function openKillSink(stage: Stage): Promise<KillSink> {
  const sockets = new Set<Socket>();
  const wanted = new Map<string, Point>();
  const copies = new Map<string, number>();
  const held = new Set<string>();
  const releases = new Map<string, () => void>();

  const server = createServer((socket) => {
    sockets.add(socket);
    let [seen, name, inMessage] = ['', '', false];
    const say = (text: string) => socket.write(`${text}\r\n`);
    const isHeldAt = (point: Point) => {
      if (wanted.get(name) !== point) return false;
      wanted.delete(name);
      held.add(name);
      return true;
    };
    function taken(): void {
      copies.set(name, (copies.get(name) ?? 0) + 1);
      const atItsEnd = isHeldAt('before the ledger') || isHeldAt('after the ledger');
      if (atItsEnd) releases.set(name, () => say('250 taken'));
      else say('250 taken');
    }
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      seen += chunk.toString('latin1');
      for (;;) {
        // Some of it has come, and no end of it will be read.
        if (inMessage && seen !== '' && isHeldAt('during DATA')) socket.pause();
        const mark = inMessage ? '\r\n.\r\n' : '\r\n';
        const end = seen.indexOf(mark);
        if (end < 0 || socket.isPaused()) return;
        const line = seen.slice(0, end);
        seen = seen.slice(end + mark.length);
        if (inMessage) {
          inMessage = false;
          taken();
        } else if (line.startsWith('MAIL')) {
          name = /<([^@>]+)/.exec(line)?.[1] ?? '';
          if (!isHeldAt('before MAIL')) say('250 ok');
        } else if (line === 'DATA') {
          inMessage = true;
          say('354 go on');
        } else say(line.startsWith('QUIT') ? '221 bye' : '250 ok');
      }
    });
    say('220 sink');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stage.closing(server, () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port: (server.address() as AddressInfo).port,
    copies,
    held,
    hold: (message, point) => wanted.set(message, point),
    release: (message) => releases.get(message)?.(),
  };
}
