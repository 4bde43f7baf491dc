import type { Readable } from 'node:stream';

import { AppError, invalid } from '../errors.ts';
import type { FileStore } from './files.ts';
import { type Line, linesOf } from './lines.ts';
import type { GivenRecipient, ListedRecipient } from './recipient-list.ts';
import { usableFile } from './usable-file.ts';

/** Of one recipient in JSON, variables included. */
export const maxRecipientBytes = 64 * 1024;

/** @throws AppError `source_unreadable` with the number of the line, also while iterating. */
export type ReadCsv = (
  bytes: Readable,
) => Promise<{ columns: string[]; rows: AsyncIterable<readonly (string | number | boolean | null)[]> }>;

/** Checks one recipient. @param at JSON pointer to it. @throws AppError with `errors`, whose pointers begin with it. */
export type CheckRecipient = (value: unknown, at: string) => ListedRecipient;

export function* recipientsInJson(values: readonly unknown[], check: CheckRecipient): Generator<GivenRecipient> {
  for (const [index, value] of values.entries()) yield { read: () => check(value, `/recipients/${String(index)}`) };
}

function parsed(text: string, pointer: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw invalid(pointer, 'is not JSON');
  }
}

/** One recipient a line. @param index of the first one. */
export async function* recipientsInLines(lines: AsyncIterable<Line>, check: CheckRecipient): AsyncGenerator<GivenRecipient> {
  let index = 0;
  for await (const { number, text } of lines) {
    const at = `/recipients/${String(index++)}`;
    yield { read: () => inLine(number, undefined, () => check(parsed(text, at), at)) };
  }
}

/** With the number of the line before each fault, and, for a file, a pointer to the file. */
function inLine<T>(line: number, pointer: string | undefined, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof AppError) || error.errors === undefined) throw error;
    const errors = error.errors.map((one) => ({
      pointer: pointer ?? one.pointer,
      detail: `line ${String(line)}: ${placed(one, pointer)}`,
    }));
    throw new AppError(error.code, error.message, { errors });
  }
}

const placed = ({ pointer, detail }: { pointer: string; detail: string }, shown: string | undefined) =>
  shown === undefined || pointer === '' ? detail : `${pointer} ${detail}`;

const file = '/recipients/fileId';
const isNdjson = ({ contentType, name }: { contentType: string; name: string }) =>
  /^application\/(x-)?(ndjson|jsonl|jsonlines)$/.test(contentType) || /\.(ndjson|jsonl)$/i.test(name);

/**
 * Recipients in a stored file: NDJSON as in a request, or CSV with the column `email` (or `to`), perhaps `name`, and a column for
 * each variable. @throws AppError `source_unreadable`, `invalid_request`; as `usableFile`.
 */
export async function* recipientsInFile(
  { tenant, fileId }: { tenant: string; fileId: string },
  { files, readCsv }: { files: Pick<FileStore, 'find' | 'read'>; readCsv: ReadCsv },
  check: CheckRecipient,
): AsyncGenerator<GivenRecipient> {
  const found = await usableFile(files, tenant, fileId, file);
  if (!isNdjson(found) && !/^(text\/|application\/(octet-stream|csv|vnd\.ms-excel)$)/.test(found.contentType))
    throw invalid(file, `expected a CSV or NDJSON file, got ${found.contentType}`, 'source_unreadable');
  const bytes = files.read(found);
  try {
    if (isNdjson(found))
      for await (const { number, text } of linesOf(bytes, () => maxRecipientBytes))
        yield { read: () => inLine(number, file, () => check(parsed(text, ''), '')) };
    else yield* recipientsInCsv(await readCsv(bytes), check);
  } catch (error) {
    // What can't be read at all has no pointer of its own.
    if (
      error instanceof AppError &&
      error.errors === undefined &&
      (error.code === 'source_unreadable' || error.code === 'payload_too_large')
    )
      throw invalid(file, error.message, 'source_unreadable');
    throw error;
  } finally {
    bytes.destroy();
  }
}

async function* recipientsInCsv({ columns, rows }: Awaited<ReturnType<ReadCsv>>, check: CheckRecipient): AsyncGenerator<GivenRecipient> {
  const at = columns.indexOf('email') >= 0 ? columns.indexOf('email') : columns.indexOf('to');
  if (at < 0) throw invalid(file, 'line 1: there is no column named email');
  const nameAt = columns.indexOf('name');
  const others = columns.flatMap((column, index) => (index === at || index === nameAt ? [] : [{ column, index }]));
  let line = 2;
  for await (const row of rows) {
    const number = line;
    line += 1 + row.reduce<number>((sum, cell) => sum + (typeof cell === 'string' ? cell.split('\n').length - 1 : 0), 0);
    const [address, name] = [row[at] ?? '', nameAt < 0 ? null : (row[nameAt] ?? null)];
    // An empty field is an empty text: a template that shows it shows nothing.
    const variables = Object.fromEntries(others.map(({ column, index }) => [column, row[index] ?? '']));
    const value = { to: name === null ? address : { name, address }, ...(others.length > 0 && { variables }) };
    yield { read: () => inLine(number, file, () => check(value, '')) };
  }
}
