import { createReadStream } from 'node:fs';
import { link, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type * as engineModule from '../src/images/engine.ts';
import { picture } from '../test/support/pictures.ts';
import { type Finding, type Settings, show, showSpread } from './finding.ts';
import { startPeer } from './peer.ts';
import type { BareImages } from './peers/bare-images.ts';
import { celeryImages } from './peers/celery-images.ts';
import { onStage } from './stage.ts';
import { ratios, type Spread, spread } from './statistics.ts';

const bars = { sharp: 0.9, celery: 2 };
/** Longest sides of the variants, the largest one first. */
const sides = [1_600, 640, 160];
const concurrency = 2;

interface Lane {
  name: string;
  /** In seconds. */
  run(path: string, pictures: number): Promise<number>;
}

/** What decodes the pictures of uploads, as it is built. */
export async function builtEngine(dataDir: string): Promise<ReturnType<typeof engineModule.createImageEngine>> {
  const module = (await import(new URL('../dist/src/images/engine.js', import.meta.url).href)) as typeof engineModule;
  return module.createImageEngine({ dataDir });
}

/** Three variants of each picture against sharp by itself, and against Celery with Pillow. */
export async function images({ rounds, quick, say }: Settings): Promise<Finding> {
  const pictures = quick ? 4 : 24;
  return onStage(say, async (stage) => {
    const path = join(stage.directory, 'photo.jpg');
    await writeFile(path, await picture(4_000, 3_000).jpeg({ quality: 85 }).toBuffer());
    const engine = await builtEngine(stage.directory);
    stage.closing(engine, (open) => open.close());
    const bare = startPeer<BareImages, number>(stage, new URL('./peers/bare-images.ts', import.meta.url));
    const asked = { sides, concurrency, directory: stage.directory };
    const celery = await celeryImages(stage, { sides, concurrency });
    const variants = sides.map((side) => ({ name: String(side), width: side, height: side, format: 'jpeg' as const }));

    const product = async (_: string, count: number): Promise<number> => {
      const began = performance.now();
      let next = 0;
      const work = async (): Promise<void> => {
        for (let number = next++; number < count; number = next++)
          await engine.render({ read: () => createReadStream(path), link: (to) => link(path, to).then(() => true) }, variants, {
            contentType: 'image/jpeg',
            take: async (index, { path: made }) => {
              if (made !== null) await rename(made, join(stage.directory, `ours-${String(number)}-${String(index)}.jpg`));
            },
          });
      };
      await Promise.all(Array.from({ length: concurrency }, work));
      return (performance.now() - began) / 1_000;
    };
    const lanes: Lane[] = [
      { name: 'product: decoders in processes of their own, with colours and placeholder', run: product },
      {
        name: 'sharp in one process, one decode, with colours and placeholder',
        run: (from, count) => bare.ask({ ...asked, path: from, pictures: count, decodes: 'once', colours: true }),
      },
      {
        name: 'sharp in one process, one decode, without',
        run: (from, count) => bare.ask({ ...asked, path: from, pictures: count, decodes: 'once' }),
      },
      {
        name: 'sharp in one process, one decode for each variant',
        run: (from, count) => bare.ask({ ...asked, path: from, pictures: count, decodes: 'each' }),
      },
      { name: 'Celery with Redis and Pillow, one decode', run: celery },
    ];
    const speeds = lanes.map((): number[] => []);
    // Round 0 warms up.
    for (let round = 0; round <= rounds; round++) {
      const order = [...lanes.keys()];
      for (const index of round % 2 === 0 ? order : order.reverse()) {
        const seconds = await (lanes[index] as Lane).run(path, round === 0 ? concurrency : pictures);
        if (round > 0) speeds[index]?.push((pictures * sides.length) / seconds);
      }
      if (round > 0)
        say(`images: round ${String(round)} of ${String(rounds)}: ${speeds.map((of) => show(of.at(-1) ?? 0, 1)).join(', ')} variants/s`);
    }
    return finding({ pictures, lanes, speeds });
  });
}

function finding({ pictures, lanes, speeds }: { pictures: number; lanes: Lane[]; speeds: number[][] }): Finding {
  const against = (index: number): Spread => ratios(speeds[0] ?? [], speeds[index] ?? []);
  const [once, celery] = [against(1), against(4)];
  return {
    title: 'Images',
    method: `${String(pictures)} times a JPEG of 12 megapixels, ${String(concurrency)} at once; of each three progressive JPEGs of ${sides.join(', ')} pixels on the longer side, written as files.
The product's engine alone, without a job around it; sharp with one thread for each picture and without a cache, as in the product.`,
    verdicts: [
      {
        bar: `at least ${String(bars.sharp)} of sharp in one process doing the same, one decode`,
        figure: showSpread(once, 2),
        met: once.median >= bars.sharp,
      },
      { bar: `at least ${String(bars.celery)} times Celery with Pillow`, figure: showSpread(celery, 2), met: celery.median >= bars.celery },
    ],
    tables: [
      {
        heading: 'Speed',
        columns: ['', 'variants/s', 'product / this'],
        rows: lanes.map(({ name }, index) => [
          name,
          showSpread(spread(speeds[index] ?? []), 1),
          index === 0 ? '' : showSpread(against(index), 2),
        ]),
      },
    ],
  };
}
