import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { AppError } from '../errors.ts';
import type { RemoteContent } from '../jobs/data-sources.ts';
import type { RemoteTable, SourceFormat } from '../jobs/report-sources.ts';
import type { GuardedStream, OutboundStream } from '../outbound/guarded-fetch.ts';
import { connectionFailure, misconfigured, unreachable } from './failure.ts';
import { arrayAt } from './json-slice.ts';

export interface HttpSource {
  url: string;
  headers: Record<string, string>;
  fetch: GuardedStream;
  /** For everything, the body included. */
  seconds: number;
  /** Of the body as it comes. */
  maxBytes: number;
}

type Fetched = Extract<RemoteTable, { path: string }>;

const maxRedirects = 3;
/** What is looked through for a pointer is in memory. */
const maxDocument = 16 * 1024 * 1024;

/** Below the address of the source, whatever dots the path has. @throws AppError `query_invalid` */
export function addressOf(base: string, { path, parameters }: Pick<Fetched, 'path' | 'parameters'>): URL {
  const root = new URL(base.endsWith('/') ? base : `${base}/`);
  const url = new URL(`${root.href.slice(0, -1)}${path}`);
  if (url.origin !== root.origin || !url.pathname.startsWith(root.pathname))
    throw new AppError('query_invalid', 'The path leads out of the address of the data source.');
  url.hash = '';
  for (const [name, value] of Object.entries(parameters)) if (value !== null) url.searchParams.set(name, String(value));
  return url;
}

async function asked({ headers, fetch, seconds, maxBytes }: HttpSource, url: URL, signal: AbortSignal): Promise<OutboundStream> {
  const answer = await fetch(url, {
    ...{ timeoutMs: seconds * 1000, maxBytes, maxRedirects, signal },
    headers: { Accept: 'application/json, application/x-ndjson, text/csv;q=0.9, */*;q=0.1', 'User-Agent': 'handoff', ...headers },
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw failureOf(error);
  });
  const problem = problemOf(answer.status);
  if (problem === undefined) return answer;
  answer.destroy();
  throw problem;
}

function problemOf(status: number): AppError | undefined {
  if (status >= 200 && status < 300 && status !== 206) return undefined;
  const said = `The answer has status ${String(status)}.`;
  if (status === 401 || status === 403 || status === 407) return misconfigured(said);
  if (status === 408 || status === 425 || status === 429 || status >= 500) return unreachable(said);
  return new AppError('source_unreadable', said);
}

function failureOf(error: unknown): unknown {
  const { name, reason } = (error ?? {}) as { name?: string; reason?: string };
  if (name === 'OutboundError' && reason === 'too_large')
    return new AppError('source_too_large', 'The answer of the data source is too large.');
  return connectionFailure(error) ?? error;
}

const types: Record<string, SourceFormat> = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
  'application/vnd.apache.parquet': 'parquet',
  'text/csv': 'csv',
};
const extensions: Record<string, SourceFormat> = { csv: 'csv', json: 'json', ndjson: 'ndjson', jsonl: 'ndjson', parquet: 'parquet' };

function formatOf({ headers, url }: Pick<OutboundStream, 'headers' | 'url'>): SourceFormat {
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? '';
  const said = Object.hasOwn(types, type) ? types[type] : /^application\/[\w.-]+\+json$/.test(type) ? 'json' : undefined;
  const extension = url.pathname.replace(/\.gz$/i, '').split('.').at(-1)?.toLowerCase() ?? '';
  return said ?? (Object.hasOwn(extensions, extension) ? extensions[extension] : undefined) ?? 'csv';
}

async function* withFailures(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (error) {
    signal.throwIfAborted();
    throw failureOf(error);
  }
}

export async function readHttp(source: HttpSource, table: Fetched, signal: AbortSignal): Promise<RemoteContent> {
  const { pointer, csv } = table;
  const within = pointer !== undefined && pointer !== '';
  const bounded = within ? { ...source, maxBytes: Math.min(source.maxBytes, maxDocument) } : source;
  const answer = await asked(bounded, addressOf(source.url, table), signal);
  const encoding = answer.headers['content-encoding'];
  if (encoding !== undefined && !/^(identity|(x-)?gzip)$/i.test(encoding)) {
    answer.destroy();
    throw new AppError('source_unreadable', 'The answer has an encoding that nobody asked for.');
  }
  const body = withFailures(answer.body, signal);
  const format = table.format ?? (within ? 'json' : csv ? 'csv' : formatOf(answer));
  if (!within) return { bytes: Readable.from(body, { objectMode: false }), format, csv: format === 'csv' ? csv : undefined };
  const slice = arrayAt((await buffer(body)).toString('utf8'), pointer);
  return { bytes: Readable.from([Buffer.from(slice)], { objectMode: false }), format: 'json', csv: undefined };
}

export async function checkHttp(source: HttpSource, signal: AbortSignal): Promise<{ serverVersion: null }> {
  const { headers, fetch } = source;
  const answer = await fetch(source.url, {
    timeoutMs: 10_000,
    maxBytes: maxDocument,
    signal,
    headers: { 'User-Agent': 'handoff', ...headers },
  }).catch((error: unknown) => {
    throw failureOf(error);
  });
  answer.destroy();
  const problem = problemOf(answer.status);
  // At the address itself there may be nothing, or something that leads on.
  if (problem?.retryable === true) throw problem;
  return { serverVersion: null };
}
