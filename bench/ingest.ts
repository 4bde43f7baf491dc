import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type Finding, type Settings, show, showSpread } from './finding.ts';
import { startPeer } from './peer.ts';
import type { Ingest, Ingested } from './peers/ingest.ts';
import { cpuDuring, lookEveryMs, mebibyte, residentBytes, watched } from './process-facts.ts';
import { prepareGround, startApi } from './product.ts';
import { onStage } from './stage.ts';
import { median, ratios, type Spread, spread } from './statistics.ts';

/** Growth in MiB: as much for a gigabyte as for 200 MB. */
const bar = { growth: 100, speed: 0.5 };
const pieceBytes = 16 * 1024 * 1024;

interface Lane {
  name: string;
  order: Ingest;
}

/** One large file by each way in, against writing and hashing the same bytes. */
export async function ingest({ rounds, quick, profile, temporalSettings, say }: Settings): Promise<Finding> {
  const size = (quick ? 100 : 1_000) * 1_000_000;
  return onStage(say, async (stage) => {
    const ground = await prepareGround(stage, { temporalSettings });
    const environment = { ...ground.environment, HANDOFF_MAX_UPLOAD_BYTES: String(2 * size) };
    const api = await startApi(stage, { ...ground, environment }, profile);
    const peer = startPeer<Ingest, Ingested>(stage, new URL('./peers/ingest.ts', import.meta.url));
    const path = join(stage.directory, 'written');
    const target = { url: api.url, key: api.key, size };
    const ways: Lane[] = [
      { name: 'multipart', order: { kind: 'multipart', ...target } },
      { name: 'the body of a `PUT`', order: { kind: 'raw', ...target } },
      { name: 'tus, in one `PATCH`', order: { kind: 'tus', pieceBytes: size, ...target } },
      { name: 'tus, in pieces of 16 MiB', order: { kind: 'tus', pieceBytes, ...target } },
    ];
    const receiver = startPeer<{ path: string }, number>(stage, new URL('./peers/bare-receiver.ts', import.meta.url));
    const received = join(stage.directory, 'received');
    const bareUrl = `http://127.0.0.1:${String(await receiver.ask({ path: received }))}`;
    const lanes: Lane[] = [
      ...ways,
      { name: 'bare `node:http` server: through a socket, then the same', order: { kind: 'raw', url: bareUrl, key: '', size } },
      { name: 'bare: from memory, `createWriteStream` with sync, and SHA-256', order: { kind: 'write', path, size } },
    ];
    const speeds = lanes.map((): number[] => []);
    const cpu = lanes.map((): number[] => []);
    const growth = lanes.map((): number[] => []);
    const before = residentBytes(api.pid) / mebibyte;
    // Round 0 warms up; its memory counts.
    for (let round = 0; round <= rounds; round++) {
      const order = [...lanes.keys()];
      for (const index of round % 2 === 0 ? order : order.reverse()) {
        const lane = lanes[index] as Lane;
        const { result, cpu: used } = await cpuDuring({ api: api.pid }, () => watched(api.pid, () => peer.ask(lane.order)));
        growth[index]?.push(result.peak / mebibyte - before);
        if (round > 0) speeds[index]?.push(size / result.result.seconds / 1_000_000);
        if (round > 0) cpu[index]?.push(used.api);
        // Not measured: all begin with the same room on the disk.
        for (const left of [path, received, join(stage.directory, 'data', 'files', 'blobs')])
          await rm(left, { recursive: true, force: true });
      }
      const last = speeds.map((of) => show(of.at(-1) ?? 0)).join(', ');
      if (round > 0)
        say(`ingest: round ${String(round)} of ${String(rounds)}: ${last} MB/s (multipart, body, tus, tus in pieces, bare server, bare)`);
    }
    return finding({ size, lanes, speeds, cpu: cpu.map(median), memory: { before, growth: growth.map(spread) } });
  });
}

interface Measured {
  size: number;
  lanes: Lane[];
  /** Per lane and round, in MB/s. */
  speeds: number[][];
  /** Of the api process for one file, per lane, in milliseconds. */
  cpu: number[];
  /** Of the api process, in MiB; growth from before the first file to the highest during each. */
  memory: { before: number; growth: Spread[] };
}

function finding({ size, lanes, speeds, cpu, memory }: Measured): Finding {
  const bare = speeds.at(-1) ?? [];
  const ways = lanes.slice(0, -2);
  const through = speeds.at(-2) ?? [];
  const against = (index: number) => ratios(speeds[index] ?? [], bare);
  const most = Math.max(...memory.growth.map(({ max }) => max));
  return {
    title: 'Ways in',
    method: `${show(size / 1_000_000)} MB of random bytes, from a process of its own, in chunks of 64 KiB; files are removed between the turns.
The product's time goes from the first byte to the answer with the job: socket, protocol, write, SHA-256, a look at the structure of pictures, sync, the record in PostgreSQL, and the start of the job. By tus, each answer means that the bytes are synced, and SHA-256 is made at the end, from the file. The plain stream has no socket: write, SHA-256, sync.`,
    verdicts: [
      ...ways.map(({ name }, index) => ({
        bar: `${name}: at least ${String(bar.speed)} of the plain stream's speed`,
        figure: showSpread(against(index), 2),
        met: against(index).median >= bar.speed,
      })),
      {
        bar: `the api process grows by less than ${String(bar.growth)} MiB, whatever the way`,
        figure: `at most +${show(most, 1)} MiB above ${show(memory.before)} MiB`,
        met: most < bar.growth,
      },
    ],
    tables: [
      {
        heading: 'Speed, processor time and memory',
        columns: ['', 'MB/s', 'of the plain stream', 'of the bare server', 'api: processor time', 'api: memory'],
        rows: lanes.map(({ name }, index) => [
          name,
          showSpread(spread(speeds[index] ?? [])),
          index === lanes.length - 1 ? '' : showSpread(against(index), 2),
          ...(index >= ways.length
            ? ['', '', '']
            : [
                showSpread(ratios(speeds[index] ?? [], through), 2),
                `${show(cpu[index] ?? 0)} ms`,
                `+${show(memory.growth[index]?.max ?? 0, 1)} MiB`,
              ]),
        ]),
        note: `Memory is looked at each ${String(lookEveryMs)} ms, during the first upload, too; it is the highest, above what it was before the first one.`,
      },
    ],
  };
}
