import { on } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';

import type { Table } from '../../activities/report-table.ts';
import { AppError } from '../errors.ts';
import type { Cell } from '../jobs/report-sources.ts';
import type { DrawingRoom } from './drawing-room.ts';
import { readableLogo } from './logo.ts';
import { memoryGuard } from './pdf-memory.ts';

/** Rows that are handed over at a time. */
const batchRows = 500;

/**
 * A document for people: it is drawn in another thread, and comes as a whole.
 * @param maxRows more are an error
 * @throws AppError `report_too_large`, `query_invalid`, `source_unreadable`
 */
export async function* writePdf(table: Table, room: DrawingRoom, maxRows: number): AsyncGenerator<Uint8Array> {
  const { title, columns, page = {}, charts = [], total, totals, note, signal: outer } = table;
  if (total !== null && total > maxRows) throw tooMany(maxRows);
  const logo = table.logo && { logo: await readableLogo(table.logo) };
  const stop = new AbortController();
  const signal = outer === undefined ? stop.signal : AbortSignal.any([outer, stop.signal]);
  const { memoryMb, seconds } = room.limits;
  let timer: NodeJS.Timeout | undefined;
  const begun = () => {
    timer = setTimeout(() => {
      stop.abort(tooSlow(seconds));
    }, seconds * 1000);
  };
  const { port1: port, port2 } = new MessageChannel();
  try {
    const drawn = room.pdf({ title, columns, ...(totals && { totals }), page, charts, ...logo }, port2, signal);
    // Whichever fails first ends the other.
    const [{ bytes, notes }] = await Promise.all([
      drawn,
      handOver(guarded(table.rows, maxRows, memoryMb), port, { begun, until: ended(drawn) }),
    ]);
    for (const text of notes) note?.(text);
    yield bytes;
  } finally {
    clearTimeout(timer);
    stop.abort();
    port.close();
  }
}

/** Aborts when the work is done, or has failed: nobody asks for rows then. */
function ended(work: Promise<unknown>): AbortSignal {
  const over = new AbortController();
  const end = () => {
    over.abort();
  };
  work.then(end, end);
  return over.signal;
}

async function* guarded(rows: AsyncIterable<Cell[]>, maxRows: number, memoryMb: number): AsyncGenerator<Cell[]> {
  const fits = memoryGuard(memoryMb);
  let count = 0;
  for await (const row of rows) {
    if (++count > maxRows) throw tooMany(maxRows);
    fits(row);
    yield row;
  }
}

async function handOver(
  rows: AsyncIterable<Cell[]>,
  port: MessagePort,
  { begun, until }: { begun: () => void; until: AbortSignal },
): Promise<void> {
  const asked = on(port, 'message', { signal: until })[Symbol.asyncIterator]();
  let asks = 0;
  const send = async (batch: Cell[][] | null) => {
    await asked.next();
    if (++asks === 1) begun();
    port.postMessage(batch);
  };
  try {
    let batch: Cell[][] = [];
    for await (const row of rows) {
      if (batch.push(row) < batchRows) continue;
      await send(batch);
      batch = [];
    }
    if (batch.length > 0) await send(batch);
    await send(null);
  } catch (error) {
    // The work itself says why.
    if (!until.aborted) throw error;
  }
}

function tooMany(maxRows: number): AppError {
  return new AppError('report_too_large', `A PDF has at most ${String(maxRows)} rows. Take fewer rows, or another format.`);
}

function tooSlow(seconds: number): AppError {
  return new AppError(
    'report_too_large',
    `To draw the report takes longer than ${String(seconds)} seconds. Take fewer rows or columns, or another format.`,
  );
}
