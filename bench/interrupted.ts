import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Upload } from 'tus-js-client';

import { startCuttingProxy } from '../test/support/cutting-proxy.ts';
import { seededRandom } from '../test/support/random.ts';
import { type Finding, type Settings, show } from './finding.ts';
import { createHttp } from './peers/http.ts';
import { prepareGround, startApi } from './product.ts';
import { onStage } from './stage.ts';

const seed = 20_261_130;
const atOnce = 20;
const largestBytes = 400_000;
const largestUntilCut = 100_000;

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

interface Sent {
  sha256: string;
  job: string;
  retries: number;
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []));
}

/** The real client. */
function send(bytes: Buffer, endpoint: string, key: string, delay: () => number): Promise<Sent> {
  let retries = 0;
  return new Promise((resolve, reject) => {
    const upload = new Upload(bytes, {
      ...{ endpoint, headers: { Authorization: `Bearer ${key}` }, chunkSize: 64 * 1024, storeFingerprintForResuming: false },
      retryDelays: Array.from({ length: 200 }, delay),
      metadata: { filename: 'random.bin' },
      onShouldRetry: (error) => {
        retries += 1;
        const status = error.originalResponse?.getStatus() ?? 0;
        return status < 400 || status >= 500 || status === 409 || status === 423;
      },
      onError: reject,
      onSuccess: ({ lastResponse }) => {
        resolve({ sha256: sha256(bytes), job: lastResponse.getHeader('Handoff-Job') ?? '', retries });
      },
    });
    upload.start();
  });
}

/** Uploads by tus through connections that all break: whether all arrive as they were, once, and what is left behind. */
export async function interrupted({ quick, profile, temporalSettings, say }: Settings): Promise<Finding> {
  const uploads = quick ? 100 : 1_000;
  return onStage(say, async (stage) => {
    const ground = await prepareGround(stage, { temporalSettings });
    const api = await startApi(stage, ground, profile);
    const random = seededRandom(seed);
    const within = (most: number) => 1 + Math.floor(random() * most);
    const proxy = stage.closing(await startCuttingProxy(Number(new URL(api.url).port), () => within(largestUntilCut)), (open) =>
      open.close(),
    );
    const endpoint = `http://127.0.0.1:${String(proxy.port)}/v1/uploads/tus`;
    const sent: Sent[] = [];
    const isInterrupted = ({ retries }: Sent) => retries > 0;
    const lane = async () => {
      while (sent.filter(isInterrupted).length < uploads) {
        sent.push(await send(randomBytes(within(largestBytes)), endpoint, api.key, () => within(30)));
        if (sent.length % 100 === 0)
          say(`interrupted: ${String(sent.filter(isInterrupted).length)} of ${String(uploads)}, ${String(proxy.cuts())} cuts`);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));

    const data = join(stage.directory, 'data');
    const blobs = await filesBelow(join(data, 'files', 'blobs'));
    const wanted = new Set(sent.map((one) => one.sha256));
    let whole = 0;
    for (const path of blobs) if (wanted.has(sha256(await readFile(path)))) whole += 1;
    const http = createHttp({ url: api.url, key: api.key, connections: 1 });
    const { text } = await http.send({ method: 'GET', path: '/v1/jobs/counts?type=upload' });
    const { counts } = JSON.parse(text) as { counts: Record<string, number> };
    const jobs = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const left = [
      ...(await filesBelow(join(data, 'files', 'tmp'))),
      ...(await filesBelow(join(data, 'tus'))).filter((path) => !path.endsWith('.json')),
    ];
    const retries = sent.reduce((sum, one) => sum + one.retries, 0);
    return {
      title: 'Interrupted uploads',
      method: `At least ${show(uploads)} interrupted uploads, and those between them that were not: files of up to ${show(largestBytes)} bytes by tus-js-client, ${String(atOnce)} at a time, through a proxy that breaks every connection after at most ${show(largestUntilCut)} bytes, in heads, bytes and answers (seed ${String(seed)}).`,
      verdicts: [
        {
          bar: 'every file has arrived with the SHA-256 that it had',
          figure: `${show(whole)} of ${show(wanted.size)}`,
          met: whole === wanted.size,
        },
        {
          bar: 'each has one job, and the client was told which',
          figure: `${show(jobs)} jobs, ${show(new Set(sent.map(({ job }) => job)).size)} told`,
          met: jobs === sent.length && new Set(sent.map(({ job }) => job)).size === jobs && sent.every(({ job }) => job !== ''),
        },
        {
          bar: 'nothing is left behind: no other bytes, no temporary file, no claim',
          figure: `${show(blobs.length - whole)} other files, ${show(left.length)} others`,
          met: blobs.length === whole && left.length === 0,
        },
      ],
      tables: [
        {
          heading: 'Breaks',
          columns: ['uploads', 'of them interrupted', 'retries of the client', 'connections broken'],
          rows: [[show(sent.length), show(sent.filter(isInterrupted).length), show(retries), show(proxy.cuts())]],
        },
      ],
    };
  });
}
