import type { Request } from 'express';

export interface WebRequest {
  asked: globalThis.Request;
  /** Whatever the client still sends is thrown away from then on, so that it can read the answer. */
  leave: () => Promise<void>;
}

/**
 * The request as the Fetch standard has it. Its body is not read before somebody asks for it; and where the connection breaks it
 * ends, so that what has come until then is kept like any other piece.
 */
export function webRequest(request: Request, path: string): WebRequest {
  const headers = Object.entries(request.headers).filter((header): header is [string, string] => typeof header[1] === 'string');
  const { method } = request;
  const target = `http://localhost${path}`;
  if (method !== 'PATCH' && method !== 'POST')
    return { asked: new globalThis.Request(target, { method, headers }), leave: () => Promise.resolve() };
  const chunks = (request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const leave = async () => {
    await chunks.return?.();
    request.resume();
  };
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const step = await chunks.next().catch(() => undefined);
        if (!step || step.done === true) controller.close();
        else controller.enqueue(step.value);
      },
      cancel: leave,
    },
    { highWaterMark: 0 },
  );
  return { asked: new globalThis.Request(target, { method, headers, body, duplex: 'half' }), leave };
}
