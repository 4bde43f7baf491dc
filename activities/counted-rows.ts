import type { Cell } from '../src/jobs/report.ts';
import type { HeldRows } from './report-table.ts';

/** Rows between two progress reports. */
const stride = 1_000;

export async function* counted(rows: AsyncIterable<Cell[]>, each: (done: number) => void, signal: AbortSignal): AsyncGenerator<Cell[]> {
  let done = 0;
  for await (const row of rows) {
    yield row;
    done += 1;
    if (done % stride === 0) {
      signal.throwIfAborted();
      each(done);
    }
  }
  each(done);
}

/** The same count for rows that the engine writes. */
export function countedParts({ write, ...held }: HeldRows, each: (done: number) => void, signal: AbortSignal): HeldRows {
  return {
    ...held,
    write: async function* (expression, every) {
      let done = 0;
      for await (const part of write(expression, every)) {
        signal.throwIfAborted();
        yield part;
        each((done += part.rows));
      }
      each(done);
    },
  };
}
