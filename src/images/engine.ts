import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { ImageEngine, ImageSource, RenderedVariant } from '../../activities/upload.ts';
import { AppError } from '../errors.ts';
import { createDecoders } from './decoders.ts';
import type { Made, Order } from './orders.ts';
import { sourceIn, variantIn } from './orders.ts';
import { keepDecodable } from './source.ts';
import { openWorkDirectory } from './work-directory.ts';

export interface ImageEngineOptions {
  /** For temporary files. */
  dataDir: string;
  /** Of the source, width × height; decoding needs about four bytes for each. */
  maxPixels?: number;
  /** Of the source. */
  maxBytes?: number;
  /** For one variant. */
  timeoutSeconds?: number;
  /** Of one process that decodes. */
  memoryMb?: number;
}

/** Decodes with libvips in processes of their own: what crashes, runs away or needs too much there ends there. */
export function createImageEngine(options: ImageEngineOptions): ImageEngine & { close(): Promise<void> } {
  const { dataDir, maxPixels = 100_000_000, maxBytes = 512 * 1024 * 1024, timeoutSeconds = 120, memoryMb = 1_024 } = options;
  const decoders = createDecoders({ memoryMb, seconds: timeoutSeconds });
  const root = join(dataDir, 'image-work');

  type Asked = { contentType: string; signal?: AbortSignal | undefined };

  /** A decoder reads the source from a file: a process that is killed takes no pipe with it. */
  async function working<T>(source: ImageSource, asked: Asked, work: (order: Omit<Order, 'inspect'>) => Promise<T>): Promise<T | null> {
    const directory = await openWorkDirectory(root);
    try {
      const kept = await keepDecodable(source, sourceIn(directory), { ...asked, maxBytes });
      return kept ? await work({ directory, contentType: asked.contentType, maxPixels }) : null;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  return {
    inspect: (source, asked) =>
      working(source, asked, async (order) => {
        const answer = await decoders.run({ ...order, inspect: true }, { signal: asked.signal });
        return 'facts' in answer ? answer.facts : null;
      }),

    async render(source, variants, { take, ...asked }) {
      const colours = await working(source, asked, async (order) => {
        // Each variant is taken while the next one is made.
        let taking: Promise<void> = Promise.resolve();
        const onMade = (made: Made): void => {
          taking = taking.then(() => take(made.index, renderedIn(order.directory, made)));
          // Looked at below.
          taking.catch(() => undefined);
        };
        const answer = await decoders
          .run({ ...order, render: variants }, { signal: asked.signal, onMade })
          .catch(async (error: unknown) => {
            // What is made is kept; the files are removed after it.
            await taking;
            throw error;
          });
        await taking;
        return 'colours' in answer ? answer.colours : null;
      });
      if (colours === null) throw new AppError('image_unreadable', 'The file is not an image of a type that is decoded.');
      return colours;
    },

    close: () => decoders.close(),
  };
}

function renderedIn(directory: string, { index, width, height, bytes }: Made): RenderedVariant {
  return { width, height, path: bytes === null ? null : variantIn(directory, index) };
}
