import { request } from 'node:http';

export interface Exchanged {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | Uint8Array | FormData | undefined;
}

export interface Answer {
  status: number;
  headers: Headers;
  /** Nothing of an event stream. */
  text: string;
}

async function bytesOf(body: string | Uint8Array | FormData | undefined): Promise<{ bytes: Buffer | undefined; contentType?: string }> {
  if (!(body instanceof FormData)) return { bytes: body === undefined ? undefined : Buffer.from(body) };
  const encoded = new Response(body);
  return { bytes: Buffer.from(await encoded.arrayBuffer()), contentType: encoded.headers.get('Content-Type') ?? '' };
}

/** Sends the path as it is, on a connection of its own: one that is kept may just be closed by the server. */
export async function exchange(port: number, { method, path, headers, body }: Exchanged): Promise<Answer> {
  const { bytes, contentType } = await bytesOf(body);
  const typed = contentType === undefined ? headers : { ...headers, 'Content-Type': contentType };
  return new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, method, path, headers: typed, agent: false, timeout: 60_000 }, (answer) => {
      const chunks: Buffer[] = [];
      const done = () => {
        const given = new Headers(Object.entries(answer.headers).map(([name, value]) => [name, String(value)] as [string, string]));
        resolve({ status: answer.statusCode ?? 0, headers: given, text: Buffer.concat(chunks).toString() });
      };
      answer.on('error', reject);
      if (answer.headers['content-type']?.startsWith('text/event-stream')) {
        done();
        answer.destroy();
        return;
      }
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', done);
    });
    asking.on('error', reject).on('timeout', () => asking.destroy(new Error('No answer within a minute')));
    asking.end(bytes);
  });
}
