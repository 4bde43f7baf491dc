import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { aJob, keys, testApi } from '../../support/api.ts';
import { eventually } from '../../support/eventually.ts';
import { type EventClient, follow as followUrl } from '../../support/event-client.ts';

const api = testApi();
const { id } = aJob({});
const path = `/v1/jobs/${id}/events`;

let clients: EventClient[];
beforeEach(() => {
  clients = [];
});
afterEach(() => {
  for (const client of clients) client.leave();
});

async function follow(): Promise<EventClient> {
  const client = await followUrl({ url: `http://127.0.0.1:${String(api.port)}${path}`, key: keys.acme });
  clients.push(client);
  return client;
}

/** The job changes at each look: without it gigabytes would come together in a reader that keeps up, in the time that a slow one gets. */
const pause = () => sleep(5);
const soon = <T>(assertion: () => T) => eventually(assertion, { every: 10 });
const streams = async () => Number(/^handoff_event_streams (\d+)$/m.exec((await api.anonymous().get('/metrics')).text)?.[1]);
const namesOf = ({ events }: EventClient) => events.map(({ event }) => event);

describe('a reader that does not read', () => {
  /** What waits for each connection in this process, in bytes: the most there ever was. */
  let most: number;
  let sockets: Set<Socket>;
  beforeEach(() => {
    most = 0;
    sockets = new Set();
    api.server.on('connection', (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
  });

  test('is told to begin anew and dropped; what waits for it is bounded', async () => {
    let look = 0;
    let shown = 0;
    api.jobs.get = async () => {
      await pause();
      look++;
      for (const socket of sockets) most = Math.max(most, socket.writableLength);
      if (look % 2 === 0) shown++;
      return aJob({ id, status: 'running', notes: [{ at: new Date(0), text: `${String(shown)} ${'x'.repeat(50_000)}` }] });
    };
    const reader = connect(api.port, '127.0.0.1');
    reader.on('error', () => undefined);
    reader.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${keys.acme}\r\n\r\n`);
    reader.pause();
    const fast = await follow();
    await soon(async () => {
      expect(await streams()).toBe(2);
    });
    // Until it is dropped, and five seconds later cut.
    await soon(async () => {
      expect(await streams()).toBe(1);
    });
    expect(most).toBeGreaterThan(64 * 1024);
    expect(most).toBeLessThan(64 * 1024 + 3 * 60_000);
    expect(fast.response.destroyed).toBe(false);
    let text = '';
    reader.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    reader.resume();
    await soon(() => {
      expect(reader.destroyed).toBe(true);
    });
    expect(text).not.toContain('event: done');
  });

  test('gets the word to begin anew when it reads on in time', async () => {
    let shown = 0;
    api.jobs.get = async () => {
      await pause();
      return aJob({ id, status: 'running', notes: [{ at: new Date(0), text: `${String(++shown)} ${'x'.repeat(50_000)}` }] });
    };
    const client = await follow();
    client.response.pause();
    await soon(() => {
      expect([...sockets].some((socket) => socket.writableLength > 64 * 1024)).toBe(true);
    });
    // It is noticed with what comes next.
    const noticed = shown + 3;
    await soon(() => {
      expect(shown).toBeGreaterThan(noticed);
    });
    client.response.resume();
    const resync = await client.next('resync');
    await client.ended();
    expect(resync).toEqual({ event: 'resync', id: undefined, data: {} });
    expect(namesOf(client).at(-1)).toBe('resync');
  });
});
