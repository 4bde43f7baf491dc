import { open } from 'node:fs/promises';

import type { Engine } from './duckdb.ts';
import { excessOf } from './excess.ts';
import type { ExtractLimits } from './extract.ts';
import { rangeOf, type RowGroup, writtenParts } from './parts.ts';
import type { RowsCopy } from './rows-copy.ts';
import { literal } from './sql-text.ts';

export interface CsvInParts {
  engine: Engine;
  directory: string;
  signal: AbortSignal;
  /** A Parquet file, and its groups of rows. */
  source: string;
  groups: readonly RowGroup[];
  path: string;
  plan: RowsCopy;
  report: (percent: number) => void;
}

/** All rows of a Parquet file as CSV: the same bytes as from one COPY. @returns how many rows */
export async function copiedInParts({ path, source, plan, report, ...parts }: CsvInParts, limits: ExtractLimits): Promise<number> {
  const total = parts.groups.reduce((sum, { rows }) => sum + rows, 0);
  const statement = (range: Parameters<typeof rangeOf>[1], file: string) =>
    `copy (${plan.selectFrom(`select * exclude (file_row_number) from ${rangeOf(source, range)}`)}) to ${literal(file)} (${plan.options}, use_tmp_file false)`;
  const file = await open(path, 'w', 0o600);
  try {
    if (plan.frame !== undefined) await file.write(plan.frame.head);
    let done = 0;
    for await (const { rows, bytes } of writtenParts({ ...parts, every: Infinity, statement })) {
      for await (const chunk of bytes) for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten;
      const problem = await excessOf(path, parts.directory, limits);
      if (problem !== undefined) throw problem;
      done += rows;
      report(Math.floor((100 * done) / total));
    }
    return done;
  } finally {
    await file.close();
  }
}
