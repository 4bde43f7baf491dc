import type { Request } from 'express';

/**
 * The request as the Fetch standard has it. Its body is not read before somebody asks for it; and where the connection breaks it
 * ends, so that what has come until then is kept like any other piece.
 */
export function webRequest(request: Request, path: string): globalThis.Request {
  const headers = Object.entries(request.headers).filter((header): header is [string, string] => typeof header[1] === 'string');
  const { method } = request;
  const target = `http://localhost${path}`;
  if (method !== 'PATCH' && method !== 'POST') return new globalThis.Request(target, { method, headers });
  const chunks = (request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const step = await chunks.next().catch(() => undefined);
        if (!step || step.done === true) controller.close();
        else controller.enqueue(step.value);
      },
      async cancel() {
        await chunks.return?.();
        // Whatever the client still sends is thrown away, so that it can read the answer.
        request.resume();
      },
    },
    { highWaterMark: 0 },
  );
  return new globalThis.Request(target, { method, headers, body, duplex: 'half' });
}
