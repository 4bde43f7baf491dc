import type { Request, RequestHandler } from 'express';

import { AppError, type FieldError } from '../errors.ts';
import type { NewSuppression } from '../jobs/suppressions.ts';
import { suppressionOf, suppressionRequest } from './suppression-fields.ts';

/** In one request; what it holds is in memory until all of it is checked. */
export const maxLines = 100_000;
const maxBytes = 20 * 1024 * 1024;
const maxFaults = 20;

const [csv, ndjson] = ['text/csv', 'application/x-ndjson'];

export const declaredImport: RequestHandler = (request, _response, next) => {
  const coded = (request.get('Content-Encoding') ?? 'identity').toLowerCase() !== 'identity';
  if (typeof request.is([csv, ndjson]) !== 'string' || coded)
    throw new AppError('unsupported_media_type', `Send Content-Type: ${csv} or ${ndjson}, in UTF-8, without a Content-Encoding.`);
  next();
};

/** Lines as they are, ended by LF or CRLF, without a byte order mark. */
async function* linesOf(request: Request): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let [size, rest] = [0, ''];
  // Whoever stops in the middle still has to answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge();
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  yield rest + decoder.decode();
}

const tooLarge = () =>
  new AppError('payload_too_large', `An import has at most ${String(maxLines)} lines and ${String(maxBytes / 1024 / 1024)} MiB.`);

/** RFC 4180, but for line breaks within quotes, which no field here can have. `undefined`: the quotes are wrong. */
function fieldsOf(line: string): string[] | undefined {
  if (!line.includes('"')) return line.split(',');
  if (!/^(?:"(?:[^"]|"")*"|[^",]*)(?:,(?:"(?:[^"]|"")*"|[^",]*))*$/.test(line)) return undefined;
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare ?? '');
}

/** A record for each line; a text says what is wrong with the line. */
type Reader = (line: string) => Record<string, unknown> | string;

function csvReader(header: string): Reader {
  const columns = fieldsOf(header)?.map((name) => name.trim().toLowerCase()) ?? [];
  if (!columns.some((name) => name === 'email' || name === 'address'))
    throw faulty([{ pointer: '#line:1', detail: 'must name the columns: email, and as you like reason, category and note' }]);
  return (line) => {
    const fields = fieldsOf(line);
    if (fields === undefined) return 'has a quote in a wrong place';
    if (fields.length !== columns.length) return 'has another number of fields than the first line';
    return Object.fromEntries(columns.flatMap((name, index) => (fields[index] ? [[name, fields[index].trim()] as const] : [])));
  };
}

const jsonReader: Reader = (line) => {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : 'is no JSON object';
  } catch {
    return 'is not valid JSON';
  }
};

function faulty(errors: FieldError[]): AppError {
  const [first] = errors;
  const detail = `Line ${first?.pointer.slice(6) ?? ''} ${first?.detail ?? ''}. Nothing was imported.`;
  return new AppError('invalid_request', detail, { errors });
}

/** `email` is what other services call it in their exports. */
function recordIn({ email, ...others }: Record<string, unknown>): Record<string, unknown> {
  return { ...(email !== undefined && { address: email }), ...others };
}

/** @throws AppError `invalid_request` with the line of each fault as `#line:…`, `payload_too_large`. */
export async function importedFrom(request: Request): Promise<NewSuppression[]> {
  const all: NewSuppression[] = [];
  const faults: FieldError[] = [];
  let read: Reader | undefined = request.is(csv) === csv ? undefined : jsonReader;
  let number = 0;
  try {
    for await (const raw of linesOf(request)) {
      number += 1;
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (read === undefined) read = csvReader(line);
      else if (line !== '') {
        if (all.length === maxLines) throw tooLarge();
        const record = read(line);
        const parsed = typeof record === 'string' ? record : suppressionRequest.safeParse(recordIn(record));
        if (typeof parsed === 'string') faults.push({ pointer: `#line:${String(number)}`, detail: parsed });
        else if (parsed.success) all.push(suppressionOf(parsed.data));
        else faults.push({ pointer: `#line:${String(number)}`, detail: wordsOf(parsed.error.issues) });
        if (faults.length >= maxFaults) break;
      }
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    // The decoder's, or that of a connection that broke: both name nothing of ours.
    throw new AppError('invalid_request', `Line ${String(number + 1)} is not UTF-8, or not complete. Nothing was imported.`, {
      cause: error,
    });
  }
  if (faults.length > 0) throw faulty(faults.slice(0, maxFaults));
  return all;
}

/** Of the first one: a line is mended as a whole. */
function wordsOf([issue]: readonly { path: PropertyKey[]; message: string }[]): string {
  const [field] = issue?.path ?? [];
  return `${field === undefined ? '' : `${String(field)}: `}${issue?.message ?? ''}`;
}
