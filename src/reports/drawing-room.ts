import { fileURLToPath } from 'node:url';
import { type MessagePort } from 'node:worker_threads';

import { Piscina } from 'piscina';

import { AppError } from '../errors.ts';
import type { PlottedChart } from './chart-points.ts';
import type { Answer } from './drawing-thread.ts';
import { tooMuchMemory } from './pdf-memory.ts';
import type { DrawnPdf, PdfOrder } from './pdf-order.ts';

export interface DrawingLimits {
  /** At a time; others wait. */
  threads: number;
  /** Of the heap of each, in MiB. */
  memoryMb: number;
  /** How long a document may be drawn, from its first row on. Default: a quarter of an hour. */
  seconds?: number;
  /** More fonts than those that come along. */
  fontsDirectory?: string;
}

/** Threads of their own for documents and charts: requests and other activities of the process never wait for them. */
export interface DrawingRoom {
  limits: Required<Pick<DrawingLimits, 'memoryMb' | 'seconds'>>;
  /** @throws AppError `report_too_large`; the reason of the signal, within two seconds */
  pdf: (order: PdfOrder, rows: MessagePort, signal: AbortSignal) => Promise<DrawnPdf>;
  /** As SVG for a page, the reader's language in numbers and dates. */
  charts: (plots: PlottedChart[], how: { locale: string; signal: AbortSignal }) => Promise<string[]>;
  close: () => Promise<void>;
}

/** Beside the source: `.ts` in tests, `.js` when it is built. */
const program = fileURLToPath(import.meta.url.replace(/room(\.[jt]s)$/, 'thread$1'));
/** Loading its libraries takes a second: a thread stays for the next report, but does not keep its memory for ever. */
const idleMs = 20_000;
/**
 * Of short-lived objects, in MiB. When the heap is full, V8 lends 16 more for the thread to end in; what is moved out of here at
 * once must fit into that, or the whole process is aborted.
 */
const young = 24;

export function createDrawingRoom({ threads, memoryMb, seconds = 900, fontsDirectory }: DrawingLimits): DrawingRoom {
  let pool: Piscina | undefined;
  let closed = false;
  const open = () =>
    (pool ??= new Piscina({
      filename: program,
      minThreads: 0,
      maxThreads: threads,
      idleTimeout: idleMs,
      // What is drawn waits for rows: its thread must go on meanwhile.
      atomics: 'disabled',
      resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: young },
    }));
  const fonts = fontsDirectory === undefined ? {} : { directory: fontsDirectory };

  async function run<T>(name: string, task: object, signal: AbortSignal, transferList: MessagePort[] = []): Promise<T> {
    if (closed) throw new AppError('overloaded', 'The worker is stopping.', { retryable: true });
    try {
      const answer = (await open().run({ ...task, ...fonts }, { name, signal, transferList })) as Answer<T>;
      if ('done' in answer) return answer.done;
      throw new AppError(answer.refused.code, answer.refused.message);
    } catch (error) {
      signal.throwIfAborted();
      if ((error as { code?: string }).code !== 'ERR_WORKER_OUT_OF_MEMORY') throw error;
      throw tooMuchMemory(memoryMb);
    }
  }

  return {
    limits: { memoryMb, seconds },
    pdf: (order, rows, signal) => run('pdf', { order, rows }, signal, [rows]),
    charts: (plots, { locale, signal }) => run('charts', { plots, locale }, signal),
    async close() {
      closed = true;
      await pool?.destroy();
    },
  };
}
