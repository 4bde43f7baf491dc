import { once } from 'node:events';
import type { MessagePort } from 'node:worker_threads';

import { AppError } from '../errors.ts';
import type { Cell } from '../jobs/report-sources.ts';
import type { PlottedChart } from './chart-points.ts';
import { pageChart } from './chart-svg.ts';
import { findFonts, type FontFamily } from './fonts.ts';
import { drawPdf } from './pdf-drawing.ts';
import type { DrawnPdf, PdfOrder } from './pdf-order.ts';
import { createTypeSetter } from './type-setting.ts';

export interface Fonts {
  /** Of more fonts. */
  directory?: string;
}

/** A port hands rows over: some at a time, null after the last ones. */
export type PdfTask = Fonts & { order: PdfOrder; rows: MessagePort };
export type ChartsTask = Fonts & { plots: PlottedChart[]; locale: string };

/** Errors lose their code on the way between threads. */
export type Answer<T> = { done: T } | { refused: Pick<AppError, 'code' | 'message'> };

export function pdf({ order, rows, ...fonts }: PdfTask): Promise<Answer<DrawnPdf>> {
  return answered(() => drawPdf(order, handedOver(rows), families(fonts)));
}

export function charts({ plots, locale, ...fonts }: ChartsTask): Promise<Answer<string[]>> {
  return answered(() => {
    const setter = createTypeSetter(families(fonts));
    return plots.map((plotted, index) => pageChart(plotted, index + 1, setter, locale));
  });
}

let known: FontFamily[] | undefined;

function families({ directory }: Fonts): FontFamily[] {
  return (known ??= findFonts(directory));
}

async function answered<T>(work: () => Promise<T> | T): Promise<Answer<T>> {
  try {
    return { done: await work() };
  } catch (error) {
    if (error instanceof AppError) return { refused: { code: error.code, message: error.message } };
    throw error;
  }
}

/** Asks for the next rows when those before are used up. */
async function* handedOver(port: MessagePort): AsyncGenerator<Cell[]> {
  for (;;) {
    const next = once(port, 'message');
    port.postMessage('more');
    const [batch] = (await next) as [Cell[][] | null];
    if (batch === null) return;
    yield* batch;
  }
}
