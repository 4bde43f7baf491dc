import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect } from '@jest/globals';

import type { Job } from '../../src/jobs/job.ts';
import { eventually } from './eventually.ts';
import { startMailServer } from './mail-server.ts';
import { startSystem, type SubmitOptions, type SystemOptions } from './system.ts';

export interface BatchMail {
  recipient: string;
  /** Milliseconds since 1970. */
  at: number;
  raw: string;
}

/** A system that sends batches to a mail server which refuses as a test wants. */
export async function startBatchSystem(taskQueue: string, options: Partial<SystemOptions> = {}) {
  const received: BatchMail[] = [];
  /** What the mail server says to RCPT TO; undefined: it takes the recipient. */
  let refuse: (address: string) => Error | undefined = () => undefined;
  /** What it says to MAIL FROM. */
  let refuseAll: () => Error | undefined = () => undefined;
  const mail = await startMailServer({
    onMailFrom: (_address, _session, callback) => {
      callback(refuseAll());
    },
    onRcptTo: ({ address }, _session, callback) => {
      callback(refuse(address));
    },
    onData(stream, { envelope }, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        for (const { address } of envelope.rcptTo)
          received.push({ recipient: address, at: Date.now(), raw: Buffer.concat(chunks).toString() });
        callback(null, 'taken');
      });
    },
  });
  const way = await startWay(mail.port);
  const system = await startSystem({ taskQueue, smtpUrl: `smtp://127.0.0.1:${String(way.port)}`, ...options });
  let lists = 0;

  const look = async (id: string): Promise<Job> => {
    const job = await system.jobs.get('acme', id);
    if (job === undefined) throw new Error('no such job');
    return job;
  };

  return {
    ...system,
    look,
    refusing(how: typeof refuse) {
      refuse = how;
    },
    refusingAll(how: typeof refuseAll) {
      refuseAll = how;
    },
    /** Whether the mail server can be reached. */
    reachable(yes: boolean) {
      way.open = yes;
    },
    /** Addresses that no other test has. */
    addresses: (count: number): string[] => {
      const domain = `list${String(++lists)}.test`;
      return Array.from({ length: count }, (_, index) => `r${String(index)}@${domain}`);
    },
    async submitBatch(to: readonly unknown[], request: object = {}, submitted: SubmitOptions = {}): Promise<string> {
      const recipients = to.map((one) => ({ to: one }));
      const { job } = await system.submit('batch', { recipients, subject: 'News', text: 'Hi', ...request }, submitted);
      return job.id;
    },
    mailTo: (addresses: readonly string[]) => received.filter(({ recipient }) => addresses.includes(recipient)),
    until: (id: string, expected: object): Promise<Job> =>
      eventually(
        async () => {
          const job = await look(id);
          expect(job).toMatchObject(expected);
          return job;
        },
        { every: 100 },
      ),
    handle: (id: string) => system.link.client().workflow.getHandle(id),
    async close() {
      await system.close();
      await way.close();
      await mail.close();
    },
  };
}

/** Between a client and the server on that port; while it is not open every connection dies at its next word. */
async function startWay(port: number) {
  const sockets = new Set<Socket>();
  const way = { open: true };
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    client.on('data', (chunk) => {
      if (way.open) upstream.write(chunk);
      else client.destroy();
    });
    client.on('close', () => upstream.destroy());
    upstream.pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(way, {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  });
}

/** Whoever got more than one mail, or none. */
export function notOnce(mails: readonly BatchMail[], addresses: readonly string[]): string[] {
  return addresses.filter((address) => mails.filter(({ recipient }) => recipient === address).length !== 1);
}
