import { createHttp } from './http.ts';
import { inFlight, type Timed } from './in-flight.ts';
import { serve } from './serve.ts';

export interface HttpLoad {
  url: string;
  key: string;
  method: string;
  path: string;
  body?: string;
  count: number;
  connections: number;
  /** Any other answer ends the benchmark. */
  expect: number;
}

serve(({ url, key, method, path, body, count, connections, expect }: HttpLoad): Promise<Timed> => {
  const http = createHttp({ url, key, connections });
  return inFlight(count, connections, async () => {
    const { status, text } = await http.send({ method, path, ...(body !== undefined && { body }) });
    if (status !== expect) throw new Error(`${method} ${path} answered ${String(status)}: ${text}`);
  });
});
