import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { rgbaToThumbHash } from 'thumbhash';

import { serve } from './serve.ts';

export interface BareImages {
  path: string;
  pictures: number;
  sides: readonly number[];
  concurrency: number;
  /** As ours does, or one decode for each variant. */
  decodes: 'once' | 'each';
  /** With the most frequent colour and a ThumbHash, as ours does, too. */
  colours?: boolean;
  directory: string;
}

sharp.cache(false);
sharp.concurrency(1);

const options = { failOn: 'error', sequentialRead: true, autoOrient: true } as const;

async function render({ path, sides, decodes, colours, directory }: BareImages, number: number): Promise<void> {
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
  if (colours !== true || base === undefined) return;
  const small = sharp(base.data, { raw: base.info }).resize({ width: 100, height: 100, fit: 'inside' }).ensureAlpha();
  const { data, info } = await small.raw().toBuffer({ resolveWithObject: true });
  const { dominant } = await sharp(data, { raw: info }).stats();
  await writeFile(
    join(directory, `${String(number)}.json`),
    JSON.stringify([dominant, [...rgbaToThumbHash(info.width, info.height, data)]]),
  );
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
