import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

import type { OutgoingMessage, SendOptions } from '../../activities/mail-ports.ts';

export function outgoing(changes: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    from: { address: 'shop@example.org' },
    recipient: 'ada@example.com',
    to: [{ address: 'ada@example.com' }, { address: 'bob@example.com' }],
    subject: 'Hello',
    text: 'Hi',
    category: 'transactional',
    messageId: '<0123456789abcdef@example.org>',
    date: new Date('2026-11-22T12:00:00.000Z'),
    ...changes,
  };
}

/** Lets every message leave. */
export const freely = (signal = new AbortController().signal): SendOptions => ({ signal, beforeContent: () => Promise.resolve() });

export interface ReceivedMail {
  from: string;
  recipients: string[];
  raw: Buffer;
}

/** An error that smtp-server turns into this reply. */
export function reply(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}

/**
 * A real SMTP server that keeps what it accepts in memory. Options replace the handlers, to refuse at any stage.
 * @param port 0: a free one.
 */
export async function startMailServer(options: SMTPServerOptions = {}, port = 0) {
  const received: ReceivedMail[] = [];
  let connections = 0;
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    closeTimeout: 1_000,
    onData(stream, { envelope }, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        received.push({ from, recipients: envelope.rcptTo.map(({ address }) => address), raw: Buffer.concat(chunks) });
        callback(null, 'taken');
      });
    },
    ...options,
  });
  server.on('error', () => undefined);
  server.server.on('connection', () => connections++);
  server.listen(port, '127.0.0.1');
  await once(server.server, 'listening');
  return {
    port: (server.server.address() as AddressInfo).port,
    received,
    connections: () => connections,
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(resolve);
      });
      for (const connection of server.connections) connection.close();
      await closed;
    },
  };
}

/** A server that speaks as the handler says, for what no decent server does. */
export async function startRawServer(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connected: () => (sockets.size > 0 ? Promise.resolve() : once(server, 'connection').then(() => undefined)),
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Answers every command with success, up to and including DATA; then calls `afterData` instead of answering the message. */
export function untilData(afterData: (socket: Socket) => void) {
  return (socket: Socket): void => {
    let inMessage = false;
    let seen = '';
    socket.write('220 test\r\n');
    socket.on('data', (chunk) => {
      seen += chunk.toString('latin1');
      if (inMessage) {
        if (seen.endsWith('\r\n.\r\n')) afterData(socket);
        return;
      }
      for (let end = seen.indexOf('\r\n'); end >= 0; end = seen.indexOf('\r\n')) {
        const command = seen.slice(0, end);
        seen = seen.slice(end + 2);
        inMessage = command === 'DATA';
        socket.write(inMessage ? '354 go on\r\n' : '250 ok\r\n');
      }
    });
  };
}
