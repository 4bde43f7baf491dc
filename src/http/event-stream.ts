import type { Response } from 'express';

import { isFinished } from '../jobs/job.ts';
import type { Listener } from '../jobs/one-watch.ts';
import type { Sighting } from '../jobs/sighting.ts';

/** What the client is told to wait before it connects again, in milliseconds. */
const reconnectMs = 3_000;
/** A reader with more than this waiting is too slow, in bytes. */
const maxWaiting = 64 * 1024;
/** How long a slow reader, and one at the end, has to take what is waiting, in milliseconds. */
const slowReaderMs = 5_000;
const lastReaderMs = 30_000;
/** Between two progress events, in milliseconds; a little less than the watcher's second. */
const progressEveryMs = 900;

/** One client that follows a job: Server-Sent Events (HTML Living Standard, 9.2). */
export interface EventStream extends Listener {
  /** A comment, so that nothing on the way takes the connection for dead. */
  beat(): void;
}

export interface EventStreamOptions {
  /** The job as JSON. */
  render: (sighting: Sighting) => Promise<string>;
  /** What the client has seen before. */
  seen?: Sighting | undefined;
}

/** Sends the head of the answer. */
export function openEventStream(response: Response, { render, seen }: EventStreamOptions): EventStream {
  let shown = seen;
  let shownAt = -Infinity;
  let turn = Promise.resolve();
  let ended = false;

  function end(text: string, within: number): void {
    if (ended) return;
    ended = true;
    response.end(text);
    const timer = setTimeout(() => response.destroy(), within);
    timer.unref();
    response.once('close', () => {
      clearTimeout(timer);
    });
  }

  function write(text: string): void {
    if (ended || response.closed) return;
    // Without an id: the client comes back with the one before, and gets the job as it is then.
    if (response.writableLength > maxWaiting) end('event: resync\ndata: {}\n\n', slowReaderMs);
    else response.write(text);
  }

  async function send(sighting: Sighting, onlyProgress: boolean): Promise<void> {
    const { job, version } = sighting;
    const data = onlyProgress ? JSON.stringify(job.progress) : await render(sighting);
    const name = isFinished(job.status) ? 'done' : onlyProgress ? 'progress' : 'status';
    write(`event: ${name}\nid: ${version}\ndata: ${data}\n\n`);
    if (name === 'done') end('', lastReaderMs);
  }

  response.status(200).set({
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
    // So that it does not idle on after the end, and hold up a server that stops.
    Connection: 'close',
  });
  response.write(`retry: ${String(reconnectMs)}\n\n`);
  return {
    look(sighting) {
      if (sighting.version === shown?.version) return;
      const { job, steadyVersion } = sighting;
      const onlyProgress = steadyVersion === shown?.steadyVersion && job.progress !== null;
      // The next look brings it, or what came after it.
      if (onlyProgress && performance.now() - shownAt < progressEveryMs) return;
      shown = sighting;
      shownAt = performance.now();
      turn = turn
        .then(() => send(sighting, onlyProgress))
        .catch(() => {
          // The client comes back and is told why.
          end('', lastReaderMs);
        });
    },
    beat: () => {
      write(':\n\n');
    },
    end: () => {
      turn = turn.then(() => {
        end('', lastReaderMs);
      });
    },
  };
}
