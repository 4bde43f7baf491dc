import { eventually } from '../support/eventually.ts';

interface FileFacts {
  id: string;
  name: string;
  sha256: string;
  size: number;
  links: { content: string };
}

export interface JobView {
  id: string;
  status: string;
  error: unknown;
  result: {
    rows?: number;
    files?: (FileFacts & { format: string })[];
    file?: FileFacts;
    image?: { format: string; width: number; height: number } | null;
    variants?: { name: string; width: number; height: number; format: string; file: FileFacts }[];
    messages?: { recipient: string; messageId: string; status: string }[];
  } | null;
}

export interface Accepted {
  job: JobView;
  replayed: boolean;
}

export interface Upload {
  bytes: Uint8Array<ArrayBuffer>;
  name: string;
  type: string;
  request?: object;
}

/** The work may wait for a dead worker's Heartbeat Timeout, on a machine that stalls. In milliseconds. */
export const patience = 10 * 60_000;

export type Api = ReturnType<typeof createApi>;

/** One API process as a client sees it. */
export function createApi(url: string, key: string) {
  const authorization = { Authorization: `Bearer ${key}` };

  async function accepted(response: Response): Promise<Accepted> {
    if (response.status !== 202) throw new Error(`expected 202, got ${String(response.status)}: ${await response.text()}`);
    return { job: (await response.json()) as JobView, replayed: response.headers.get('Idempotency-Replayed') === 'true' };
  }
  const once = (idempotencyKey: string | undefined) => (idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey });

  async function job(id: string): Promise<JobView> {
    const response = await fetch(`${url}/v1/jobs/${id}`, { headers: authorization, signal: AbortSignal.timeout(30_000) });
    if (response.status !== 200) throw new Error(`job ${id}: ${String(response.status)} ${await response.text()}`);
    return (await response.json()) as JobView;
  }

  return {
    url,
    job,
    async submit(path: 'emails' | 'reports', body: object, key?: string): Promise<Accepted> {
      const headers = { ...authorization, ...once(key), 'Content-Type': 'application/json' };
      return accepted(await fetch(`${url}/v1/${path}`, { method: 'POST', headers, body: JSON.stringify(body) }));
    },
    async upload({ bytes, name, type, request }: Upload, key?: string): Promise<Accepted> {
      const form = new FormData();
      if (request !== undefined) form.set('request', JSON.stringify(request));
      form.set('file', new Blob([bytes], { type }), name);
      return accepted(await fetch(`${url}/v1/uploads`, { method: 'POST', headers: { ...authorization, ...once(key) }, body: form }));
    },
    /** @throws at once when the job ends otherwise than completed. */
    async completed(id: string): Promise<NonNullable<JobView['result']>> {
      const last = await eventually(
        async () => {
          const now = await job(id);
          if (['queued', 'running', 'retrying'].includes(now.status)) throw new Error(`job ${id} is still ${now.status}`);
          return now;
        },
        { within: patience, every: 500 },
      );
      if (last.status !== 'completed' || last.result === null)
        throw new Error(`job ${id} is ${last.status}: ${JSON.stringify(last.error)}`);
      return last.result;
    },
    async content(file: FileFacts): Promise<Buffer> {
      const response = await fetch(`${url}${file.links.content}`, { headers: authorization });
      if (response.status !== 200) throw new Error(`content of ${file.id}: ${String(response.status)}`);
      return Buffer.from(await response.arrayBuffer());
    },
  };
}

export async function status(url: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(30_000) });
  await response.arrayBuffer();
  return response.status;
}
