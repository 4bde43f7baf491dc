import { AppError } from '../errors.ts';
import { notFinite } from './csv-copy.ts';
import type { EngineLimits } from './duckdb.ts';

/** Kinds of DuckDB's errors that are about the text of a query: their message names what stands there. */
const aboutText = /^(Parser|Syntax|Binder|Catalog|Parameter Not Resolved|Not implemented|Permission) Error: /;
/** Kinds that are about values: their message may quote them. */
const aboutValues = /^(Conversion|Out of Range|Invalid Input|Constraint|Mismatch Type|Invalid type|Serialization|Dependency) Error: /;
const longest = 500;

/** What a failed query means. Values, paths and pieces of files are left out of messages: these travel. */
export function queryFailure(error: unknown, { memoryMb, diskMb }: EngineLimits): unknown {
  if (error instanceof AppError) return error;
  // Behind the first empty line stand hints, and the place in a text that is not the caller's alone.
  const message =
    messageOf(error)
      .split(/\n\s*\n/)[0]
      ?.trim() ?? '';
  if (message.includes(notFinite)) return new AppError('source_unreadable', 'A number is not finite, which CSV has no words for.');
  if (message.startsWith('Out of Memory Error'))
    return new AppError(
      'query_too_large',
      `The query needs more than ${String(memoryMb)} MiB of memory, or ${String(diskMb)} MiB on disk.`,
    );
  if (message.startsWith('IO Error'))
    return new AppError('storage_unavailable', "Temporary files of the report can't be used.", { retryable: true, cause: error });
  if (aboutText.test(message)) return new AppError('query_invalid', shortened(message.replaceAll(/\n/g, ' ')));
  if (aboutValues.test(message))
    return new AppError('query_invalid', shortened(message.split('\n')[0]?.replaceAll(/'[^']*'|"[^"]*"/g, '…') ?? ''));
  return error;
}

const shortened = (text: string) => (text.length > longest ? `${text.slice(0, longest)}…` : text);

/** A source as a file of the engine. */
export interface SourceFile {
  name: string;
  path: string;
}

/** What is wrong with a source, once the engine reads it. @returns undefined when the failure is not about one of them */
export function sourceFailure(error: unknown, sources: readonly SourceFile[]): AppError | undefined {
  const message = messageOf(error);
  const source = sources.find(({ path }) => message.includes(path));
  return source && new AppError('source_unreadable', `${source.name}: ${whatIsWrong(message)}`);
}

const messageOf = (error: unknown) => (error as Partial<Error> | undefined)?.message ?? '';

function whatIsWrong(message: string): string {
  const line = /CSV Error on Line: (\d+)/.exec(message)?.[1];
  if (line !== undefined) {
    const row = `The row that begins in line ${line}`;
    const counts = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(message);
    if (counts) return `${row} has ${counts[2] ?? ''} fields; there are ${counts[1] ?? ''} columns.`;
    if (message.includes('unterminated quote')) return `${row} has a quote that is never closed, or stands in the wrong place.`;
    if (message.includes('Maximum line size')) return `${row} is longer than 2 MiB; a closing quote may be missing.`;
    return `${row} can't be read as CSV.`;
  }
  if (message.includes('CSV Parser state machine')) return 'Lines end both in CRLF and in LF, or a quote stands in the wrong place.';
  const json = /Malformed JSON in file .*? in (line|record\/value) (\d+)/s.exec(message);
  if (json) return `${json[1] === 'line' ? 'Line' : 'Value'} ${json[2] ?? ''} is not valid JSON.`;
  if (message.includes('maximum_object_size')) return 'An object is larger than 16 MiB.';
  return 'The file is not complete, or not of this format.';
}
