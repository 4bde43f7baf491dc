import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { AppError } from '../errors.ts';
import type { TemplateEngine, TemplateParts, TemplatePreview } from '../jobs/email-templates.ts';
import type { Answer, Order } from './thread.ts';

export interface WorkshopOptions {
  /** Of one order, in milliseconds. Default: ten seconds. */
  patienceMs?: number;
}

export interface Workshop extends TemplateEngine {
  close(): Promise<void>;
}

/** Beside the source: `.ts` in tests, `.js` when it is built. */
const program = new URL(import.meta.url.replace(/workshop(\.[jt]s)$/, 'thread$1'));
/** In MiB. A template that needs more is none. */
const maxHeap = 256;
/** Orders that wait for their turn. */
const maxWaiting = 5;

function tooLong(cause: unknown): AppError {
  const detail = 'takes too long, or too much memory';
  return new AppError('template_invalid', `The template ${detail}.`, { errors: [{ pointer: '', detail }], cause });
}

const busy = () => new AppError('overloaded', 'Too many templates are being worked on.', { retryable: true, retryAfterSeconds: 5 });

function resultOf(answer: Answer): unknown {
  if ('done' in answer) return answer.done;
  if ('failed' in answer) throw new Error(`A template could not be worked on: ${answer.failed}`);
  const { code, message, errors } = answer.refused;
  throw new AppError(code, message, errors && { errors });
}

/**
 * A thread of its own for MJML, CSS, and everything else that tenants write: what takes too long ends with the thread, and
 * requests of others never wait for it. It is started by the first order, as its libraries take a second to load.
 */
export function createWorkshop({ patienceMs = 10_000 }: WorkshopOptions = {}): Workshop {
  let thread: Promise<Worker> | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let closed = false;

  async function start(): Promise<Worker> {
    const worker = new Worker(program, { resourceLimits: { maxOldGenerationSizeMb: maxHeap }, stdout: true, stderr: true });
    // It must not keep the process alive.
    worker.unref();
    // Whoever waits for it hears of it; else it is started again.
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      thread = undefined;
    });
    await once(worker, 'message');
    return worker;
  }

  async function answerOf(worker: Worker, order: Order): Promise<Answer> {
    const over = new AbortController();
    const timer = setTimeout(() => {
      over.abort();
    }, patienceMs);
    const ended = () => {
      over.abort();
    };
    worker.once('exit', ended);
    try {
      const answered = once(worker, 'message', { signal: over.signal });
      worker.postMessage(order);
      return ((await answered) as [Answer])[0];
    } catch (cause) {
      // An error of the thread comes here, too: its memory is full.
      thread = undefined;
      await worker.terminate();
      throw tooLong(cause);
    } finally {
      clearTimeout(timer);
      worker.off('exit', ended);
    }
  }

  async function work(order: Order): Promise<unknown> {
    if (closed) throw busy();
    thread ??= start().catch((error: unknown) => {
      thread = undefined;
      throw error;
    });
    return resultOf(await answerOf(await thread, order));
  }

  function inTurn(order: Order): Promise<unknown> {
    if (waiting >= maxWaiting) return Promise.reject(busy());
    waiting += 1;
    const mine = turn
      .then(() => work(order))
      .finally(() => {
        waiting -= 1;
      });
    turn = mine.catch(() => undefined);
    return mine;
  }

  return {
    compile: async (source) => (await inTurn({ compile: { source, now: new Date() } })) as TemplateParts,
    preview: async (order) => (await inTurn({ preview: order })) as TemplatePreview,
    async close() {
      closed = true;
      await (await thread?.catch(() => undefined))?.terminate();
    },
  };
}
