import type { IncomingMessage, ServerResponse } from 'node:http';

import { createPulse } from './pulse.ts';

export interface SlowClientOptions {
  /** Between two looks, in milliseconds. A client that stalls is noticed after one to two of these. Default 30,000. */
  everyMs?: number;
  /** That a body, or an answer, must get on by between two looks, in bytes. Default 8 KiB: about 270 a second. */
  leastBytes?: number;
}

interface Look {
  /** Milliseconds of a clock that never goes back. */
  at: number;
  received: number;
  sent: number;
  /** The client has not sent all, and we would take it. */
  arriving: boolean;
  /** The client has not read what we have written. */
  waiting: boolean;
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  seen?: Look;
}

function lookAt({ request, response }: Exchange): Look {
  const { socket } = request;
  return {
    at: performance.now(),
    received: socket.bytesRead,
    sent: socket.bytesWritten - socket.writableLength,
    arriving: !request.complete && request.readableLength < request.readableHighWaterMark,
    // An answer that waits for the one before it has no connection yet.
    waiting: response.socket !== null && socket.writableLength > 0,
  };
}

/** Finds exchanges whose client stalls in the middle of a body or of an answer. A quiet event stream has nothing that waits. */
export function createSlowClientGuard(
  onSlow: (request: IncomingMessage, response: ServerResponse) => void,
  { everyMs = 30_000, leastBytes = 8 * 1024 }: SlowClientOptions = {},
): { watch(request: IncomingMessage, response: ServerResponse): void } {
  const pulse = createPulse<Exchange>(everyMs, (exchange) => {
    const { request, response, seen } = exchange;
    const now = lookAt(exchange);
    exchange.seen = now;
    // Late: it was this process that stood still.
    const telling = seen !== undefined && now.at - seen.at < everyMs * 1.5;
    const stallsSending = telling && seen.arriving && now.arriving && now.received - seen.received < leastBytes;
    const stallsReading = telling && seen.waiting && now.waiting && now.sent - seen.sent < leastBytes;
    const over = response.closed && (request.complete || request.destroyed);
    if (over || stallsSending || stallsReading) pulse.remove(exchange);
    if (!over && (stallsSending || stallsReading)) onSlow(request, response);
  });
  return {
    watch(request, response) {
      const exchange: Exchange = { request, response };
      pulse.add(exchange);
      response.once('close', () => {
        // A refused body may go on arriving.
        if (request.complete || request.destroyed) pulse.remove(exchange);
      });
    },
  };
}
