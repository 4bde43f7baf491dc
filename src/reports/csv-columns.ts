import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

import type { CsvDialect } from '../jobs/report-sources.ts';
import { unwritable } from './rows.ts';
import { checkColumns, csvRecords } from './source.ts';

export interface CsvColumns {
  delimiter: string;
  header: boolean;
  columns: string[];
  /** Some rows from the beginning. */
  sample: string[][];
}

const sampled = 1_000;
const candidates = [',', ';', '\t', '|'];

/** Of a file in UTF-8. @throws AppError `source_unreadable` */
export async function csvColumnsOf(path: string, { delimiter: said, header = true }: CsvDialect = {}): Promise<CsvColumns> {
  const delimiter = said ?? delimiterOf(await firstLineOf(path));
  const sample: string[][] = [];
  for await (const record of csvRecords(createReadStream(path), { delimiter, maxRowSize: 2, skipEmptyLines: true }))
    if (sample.push(record) > sampled) break;
  const [first] = sample;
  if (first === undefined) throw unwritable('The file is empty: its first line must name the columns.');
  // Such a file is one line for us, and its header would hold the data.
  if (first.some((field) => field.includes('\r'))) throw unwritable('The first line has a lone CR; lines must end in LF or CRLF.');
  if (!header) return { delimiter, header, columns: first.map((_, index) => `column${String(index + 1)}`), sample };
  checkColumns(first);
  return { delimiter, header, columns: first, sample: sample.slice(1) };
}

async function firstLineOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(65_536), 0, 65_536, 0);
    return /^[^\r\n]*/.exec(buffer.toString('utf8', 0, bytesRead))?.[0] ?? '';
  } finally {
    await file.close();
  }
}

/** The one that stands most often outside of quotes; the comma when none does. */
function delimiterOf(line: string): string {
  const bare = line.replaceAll(/"[^"]*"/g, '');
  const counts = candidates.map((candidate) => bare.split(candidate).length);
  return candidates[counts.indexOf(Math.max(...counts))] ?? ',';
}
