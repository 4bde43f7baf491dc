import { createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { AppError } from '../errors.ts';
import type { CsvDialect, SourceFormat } from '../jobs/report-sources.ts';
import { asUtf8, checkedArray, checkedLines } from './plain-text.ts';
import { unpacked, type UnpackBudget } from './unpacked.ts';

const mebibyte = 1024 * 1024;

/** Longest row in each format, in bytes: what the reader of the engine keeps in memory as a whole. */
export const longestRow = { csv: 2 * mebibyte, ndjson: 16 * mebibyte, json: Infinity } as const;

export interface UnpackOptions {
  format: SourceFormat;
  encoding: CsvDialect['encoding'];
  budget: UnpackBudget;
  signal: AbortSignal;
}

/** Writes a source as the engine reads it: unpacked, text in UTF-8. One pass in constant memory. @throws AppError `source_unreadable`, `source_too_large` */
export async function unpackSource(bytes: Readable, path: string, { format, encoding, budget, signal }: UnpackOptions): Promise<void> {
  await pipeline(
    bytes,
    async function* (packed: AsyncIterable<Uint8Array>) {
      for await (const chunk of unpacked(packed)) {
        budget.left -= chunk.length;
        if (budget.left < 0)
          throw new AppError('source_too_large', `The sources are larger than ${String(budget.limitMb)} MiB when they are unpacked.`);
        yield chunk;
      }
    },
    async function* (plain: AsyncIterable<Uint8Array>) {
      if (format === 'parquet') yield* plain;
      else {
        const text = checkedLines(asUtf8(plain, encoding), longestRow[format]);
        yield* format === 'json' ? checkedArray(text) : text;
      }
    },
    createWriteStream(path, { flags: 'wx', mode: 0o600 }),
    { signal },
  );
}
