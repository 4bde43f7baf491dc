import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type Finding, type Settings, show, showSpread } from './finding.ts';
import { startPeer } from './peer.ts';
import type { Bytes, Moved } from './peers/bytes.ts';
import { cpuDuring, lookEveryMs, mebibyte, residentBytes, watched } from './process-facts.ts';
import { prepareGround, startApi } from './product.ts';
import { onStage } from './stage.ts';
import { median, ratios, type Spread, spread } from './statistics.ts';

/** Growth in MiB: 50 MB. */
const bar = { growth: 50_000_000 / mebibyte, speed: 0.5 };

interface Lane {
  name: string;
  run(): Promise<Moved>;
}

/** `POST /v1/uploads` of one large file against writing and hashing the same bytes. */
export async function upload({ rounds, quick, profile, temporalSettings, say }: Settings): Promise<Finding> {
  const size = (quick ? 20 : 200) * 1_000_000;
  return onStage(say, async (stage) => {
    const ground = await prepareGround(stage, { temporalSettings });
    const api = await startApi(stage, ground, profile);
    const bytes = startPeer<Bytes, Moved>(stage, new URL('./peers/bytes.ts', import.meta.url));
    const receiver = startPeer<{ path: string }, number>(stage, new URL('./peers/bare-receiver.ts', import.meta.url));
    const [written, received] = [join(stage.directory, 'written'), join(stage.directory, 'received')];
    const url = `http://127.0.0.1:${String(await receiver.ask({ path: received }))}`;
    const memory = { before: residentBytes(api.pid) / mebibyte, growth: [] as number[] };
    const lanes: Lane[] = [
      {
        name: 'product: `POST /v1/uploads` → 202',
        run: async () => {
          const { result, peak } = await watched(api.pid, () => bytes.ask({ kind: 'post', ...api, path: '/v1/uploads', expect: 202 }));
          memory.growth.push(peak / mebibyte - memory.before);
          return result;
        },
      },
      { name: 'bare: from memory, `createWriteStream` with sync, and SHA-256', run: () => bytes.ask({ kind: 'write', path: written }) },
      {
        name: 'bare `node:http` server: through a socket, then the same',
        run: () => bytes.ask({ kind: 'post', url, key: '', path: '/', expect: 202 }),
      },
    ];
    const speeds = lanes.map((): number[] => []);
    const cpu: number[] = [];
    // Round 0 warms up; its memory counts.
    for (let round = 0; round <= rounds; round++) {
      const order = [...lanes.keys()];
      for (const index of round % 2 === 0 ? order : order.reverse()) {
        await bytes.ask({ kind: 'fill', size });
        const lane = lanes[index] as Lane;
        const { result, cpu: used } = await cpuDuring({ api: api.pid }, () => lane.run());
        if (round > 0) speeds[index]?.push(size / result.seconds / 1_000_000);
        if (round > 0 && index === 0) cpu.push(used.api);
        // Not measured: all begin with the same room on the disk.
        for (const path of [written, received, join(stage.directory, 'data', 'files', 'blobs')])
          await rm(path, { recursive: true, force: true });
      }
      const last = (index: number) => show(speeds[index]?.at(-1) ?? 0);
      if (round > 0) say(`upload: round ${String(round)} of ${String(rounds)}: ${last(0)} MB/s, plain ${last(1)} MB/s`);
    }
    return finding({ size, lanes, speeds, cpu: median(cpu), memory: { before: memory.before, growth: spread(memory.growth) } });
  });
}

interface Measured {
  size: number;
  lanes: Lane[];
  /** Per lane and round, in MB/s. */
  speeds: number[][];
  /** Of the api process for one file, in milliseconds. */
  cpu: number;
  /** Of the api process, in MiB; growth from before the first file to the highest during each. */
  memory: { before: number; growth: Spread };
}

function finding({ size, lanes, speeds, cpu, memory }: Measured): Finding {
  const against = (index: number) => ratios(speeds[0] ?? [], speeds[index] ?? []);
  const ratio = against(1);
  return {
    title: 'Upload',
    method: `${show(size / 1_000_000)} MB of random bytes, other ones each time, from a process of its own that holds them in memory, in chunks of 64 KiB; files are removed between the turns.
The product's time goes from the first byte to the 202: socket, multipart, SHA-256, a look at the structure of pictures, write, sync of file and directory, the record in PostgreSQL, and the start of the job. The plain stream has no socket: write, SHA-256, sync.`,
    verdicts: [
      { bar: `at least ${String(bar.speed)} of the plain stream's speed`, figure: showSpread(ratio, 2), met: ratio.median >= bar.speed },
      {
        bar: `the api process grows by less than 50 MB (${show(bar.growth, 1)} MiB)`,
        figure: `at most +${show(memory.growth.max, 1)} MiB above ${show(memory.before)} MiB`,
        met: memory.growth.max < bar.growth,
      },
    ],
    tables: [
      {
        heading: 'Speed',
        columns: ['', 'MB/s', 'product / this'],
        rows: lanes.map(({ name }, index) => [
          name,
          showSpread(spread(speeds[index] ?? [])),
          index === 0 ? '' : showSpread(against(index), 2),
        ]),
        note: `The api process used ${show(cpu)} ms of processor time for one file. Its memory is looked at each ${String(lookEveryMs)} ms, during the first upload, too.`,
      },
    ],
  };
}
