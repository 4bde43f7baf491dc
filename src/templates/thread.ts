import { parentPort } from 'node:worker_threads';

import { AppError } from '../errors.ts';
import type { TemplateSource } from '../jobs/email-templates.ts';
import { compileTemplate } from './compiling.ts';
import { type PreviewOrder, previewTemplate } from './previewing.ts';

/** One at a time. */
export type Order = { compile: { source: TemplateSource; now: Date } } | { preview: PreviewOrder };

export type Answer = { done: unknown } | { refused: Pick<AppError, 'code' | 'message' | 'errors'> } | { failed: string };

const work = async (order: Order): Promise<unknown> =>
  'compile' in order ? compileTemplate(order.compile.source, order.compile.now) : previewTemplate(order.preview);

async function answerTo(order: Order): Promise<Answer> {
  try {
    return { done: await work(order) };
  } catch (error) {
    if (error instanceof AppError) return { refused: { code: error.code, message: error.message, errors: error.errors } };
    return { failed: error instanceof Error ? error.name : 'unknown' };
  }
}

parentPort?.on('message', (order: Order) => {
  const answering = async () => {
    parentPort?.postMessage(await answerTo(order));
  };
  // What can not be sent back is a defect: it ends the thread.
  answering().catch((error: unknown) => {
    throw error;
  });
});
parentPort?.postMessage('ready');
