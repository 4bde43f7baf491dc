import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';

import { serve } from './serve.ts';

export interface BareImages {
  path: string;
  pictures: number;
  sides: readonly number[];
  concurrency: number;
  /** As ours does, or one decode for each variant. */
  decodes: 'once' | 'each';
  directory: string;
}

sharp.cache(false);
sharp.concurrency(1);

const options = { failOn: 'error', sequentialRead: true, autoOrient: true } as const;

async function render({ path, sides, decodes, directory }: BareImages, number: number): Promise<void> {
  const bytes = await readFile(path);
  const largest = sides[0] ?? 0;
  const base =
    decodes === 'once'
      ? await sharp(bytes, options).resize({ width: largest, height: largest, fit: 'inside' }).raw().toBuffer({ resolveWithObject: true })
      : undefined;
  for (const side of sides) {
    const source = base ? sharp(base.data, { raw: base.info }) : sharp(bytes, options);
    const fitted = source.resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true });
    await writeFile(
      join(directory, `${String(number)}-${String(side)}.jpg`),
      await fitted.jpeg({ quality: 80, progressive: true }).toBuffer(),
    );
  }
}

/** sharp in one process, several pictures at once. */
serve(async (request: BareImages): Promise<number> => {
  const began = performance.now();
  let next = 0;
  const work = async (): Promise<void> => {
    for (let number = next++; number < request.pictures; number = next++) await render(request, number);
  };
  await Promise.all(Array.from({ length: request.concurrency }, work));
  return (performance.now() - began) / 1_000;
});
