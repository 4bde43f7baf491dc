// A typed client for Node and browsers: every path of openapi.json, and two conveniences.
import createFetchClient from 'openapi-fetch';

import { HandoffProblem, isProblem, type Problem } from './problem.ts';
import type { components, paths } from './schema.ts';

export { HandoffProblem, isProblem, type Problem } from './problem.ts';
export type { components, operations, paths } from './schema.ts';

/** `type` tells which kind of result it has. */
export type Job = components['schemas']['Job'];

export interface HandoffClientOptions {
  /** Without `/v1`. */
  baseUrl: string;
  apiKey: string;
  /** Default: the global one. */
  fetch?: (request: Request) => Promise<Response>;
}

export interface WaitOptions {
  /** Default: no limit. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** In seconds: the longest that the server keeps one request. */
const longestWait = 30;
/** Between two questions, where the server answered at once. */
const pauseMs = 1_000;

/** What cannot change any more, or only by a person's decision. */
const settled: ReadonlySet<Job['status']> = new Set(['completed', 'failed', 'cancelled', 'expired', 'dead_lettered']);

export type HandoffClient = ReturnType<typeof createHandoffClient>;

export function createHandoffClient({ baseUrl, apiKey, fetch }: HandoffClientOptions) {
  const api = createFetchClient<paths>({
    baseUrl,
    headers: { Authorization: `Bearer ${apiKey}` },
    bodySerializer: serialized,
    ...(fetch && { fetch }),
  });

  /**
   * Resolves with the job once it has finished, or is parked (`dead_lettered`): look at its `status`. A `503` or `429` that may pass is waited out.
   * @throws HandoffProblem, such as `not_found`; a `TimeoutError` after `timeoutMs`; the reason of `signal`.
   */
  async function waitForJob(id: string, { timeoutMs, signal: given }: WaitOptions = {}): Promise<Job> {
    const signals = [...(given ? [given] : []), ...(timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)])];
    const signal = AbortSignal.any(signals);
    // With what is known already, the server answers any change at once: a job that is parked has not finished.
    let known: string | null = null;
    for (;;) {
      const askedAt = Date.now();
      const header: { 'If-None-Match'?: string } = known === null ? {} : { 'If-None-Match': known };
      const query: { wait?: number } = known === null ? {} : { wait: longestWait };
      const { data, error, response } = await api.GET('/v1/jobs/{id}', { params: { path: { id }, query, header }, signal });
      if (data !== undefined && settled.has(data.status)) return data;
      if (isProblem(error) && !isPassing(error)) throw new HandoffProblem(error);
      known = response.headers.get('ETag');
      const retryAfterMs = (Number(response.headers.get('Retry-After')) || 0) * 1_000;
      await pause(Math.max(retryAfterMs, askedAt + pauseMs - Date.now()), signal);
    }
  }

  return { ...api, waitForJob };
}

function isPassing({ status, retryable }: Problem): boolean {
  return retryable && (status === 429 || status === 503);
}

/** A body that has a file in it is sent as a form, with everything else in it as JSON. */
function serialized(body: unknown): string | FormData {
  const fields = typeof body === 'object' && body !== null ? Object.entries(body) : [];
  if (!fields.some(([, value]) => value instanceof Blob)) return JSON.stringify(body);
  const form = new FormData();
  for (const [name, value] of fields as [string, unknown][])
    if (value !== undefined) form.append(name, value instanceof Blob ? value : JSON.stringify(value));
  return form;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the caller chose the reason
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
