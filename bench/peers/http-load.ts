import { createHttp } from './http.ts';
import { inFlight, type Timed } from './in-flight.ts';
import { serve } from './serve.ts';

export interface HttpLoad {
  url: string;
  key: string;
  method: string;
  /** Several: in turn. */
  path: string | readonly string[];
  body?: string;
  count: number;
  connections: number;
  /** Any other answer ends the benchmark. */
  expect: number;
}

serve(({ url, key, method, path, body, count, connections, expect }: HttpLoad): Promise<Timed> => {
  const http = createHttp({ url, key, connections });
  const paths = typeof path === 'string' ? [path] : path;
  return inFlight(count, connections, async (index) => {
    const at = paths[index % paths.length] ?? '/';
    const { status, text } = await http.send({ method, path: at, ...(body !== undefined && { body }) });
    if (status !== expect) throw new Error(`${method} ${at} answered ${String(status)}: ${text}`);
  });
});
