import { readdirSync, readFileSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';

import { picture } from '../test/support/pictures.ts';
import type { Finding, Settings } from './finding.ts';
import { show } from './finding.ts';
import { unread } from './peers/unread.ts';
import { cpuDuring, cpuMilliseconds, endedChildrenMilliseconds } from './process-facts.ts';
import { prepareGround, startApi, startWorker } from './product.ts';
import { onStage } from './stage.ts';

const atOnce = 8;
const pixels = { width: 320, height: 240 };
const pauseMs = 500;
const patienceMs = 300_000;

/** Processor time of all children that a process has and had, in milliseconds. */
function childrenMilliseconds(pid: number): number {
  const tasks = readdirSync(`/proc/${String(pid)}/task`);
  const children = tasks.flatMap((task) =>
    readFileSync(`/proc/${String(pid)}/task/${task}/children`, 'utf8')
      .trim()
      .split(' '),
  );
  return children
    .filter((child) => child !== '')
    .reduce((sum, child) => sum + cpuMilliseconds(Number(child)), endedChildrenMilliseconds(pid));
}

/** Many small pictures, each through a whole job with three variants: what one costs, and where. */
export async function smallImages({ quick, temporalSettings, say }: Settings): Promise<Finding> {
  const count = quick ? 50 : 1_000;
  return onStage(say, async (stage) => {
    const ground = await prepareGround(stage, { temporalSettings });
    const api = await startApi(stage, ground);
    const worker = await startWorker(stage, ground);
    const connection = stage.closing(await Connection.connect({ address: ground.temporal.address }), (open) => open.close());
    const client = new Client({ connection, dataConverter: unread });
    let made = 0;
    const upload = async (): Promise<void> => {
      // Each is another one, or it would be stored already.
      const number = made++;
      const body = await picture(pixels.width, pixels.height)
        .composite([{ input: Buffer.from([number & 255, (number >> 8) & 255, 90]), raw: { width: 1, height: 1, channels: 3 } }])
        .jpeg({ quality: 90, chromaSubsampling: '4:4:4' })
        .toBuffer();
      const headers = { Authorization: `Bearer ${api.key}`, 'Content-Type': 'image/jpeg' };
      const answer = await fetch(`${api.url}/v1/uploads/raw/photo-${String(number)}.jpg`, { method: 'PUT', headers, body });
      if (answer.status !== 202) throw new Error(`The API answers ${String(answer.status)}: ${await answer.text()}`);
    };
    const run = async (jobs: number): Promise<number> => {
      const [began, before] = [performance.now(), await done(client)];
      let left = jobs;
      const lane = async () => {
        while (left-- > 0) await upload();
      };
      await Promise.all(Array.from({ length: atOnce }, lane));
      for (const since = Date.now(); (await done(client)) < before + jobs;) {
        if (Date.now() - since > patienceMs) throw new Error('Not all jobs are completed');
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
      return (performance.now() - began) / 1_000;
    };
    say('small-images: warming up');
    await run(20);
    const decodersBefore = childrenMilliseconds(worker.pid);
    const { result: seconds, cpu } = await cpuDuring({ api: api.pid, worker: worker.pid, temporal: ground.temporal.pid }, () => run(count));
    const decoders = childrenMilliseconds(worker.pid) - decodersBefore;
    const all = cpu.api + cpu.worker + cpu.temporal + decoders;
    const each = (milliseconds: number) => [show(milliseconds / count, 1), `${show((100 * milliseconds) / all)} %`];
    say(`small-images: ${show(count / seconds, 1)} jobs/s, ${show(all / count, 1)} ms of processors for each`);
    return {
      title: 'Small pictures',
      method: `${show(count)} JPEGs of ${String(pixels.width)} × ${String(pixels.height)} pixels by \`PUT /v1/uploads/raw/{name}\`, ${String(atOnce)} at once, each through its whole job: facts, colours, placeholder, and the three variants of no preset as WebP; one worker. The sender is not counted.`,
      verdicts: [],
      tables: [
        {
          heading: `Processor time of one job (${show(count / seconds, 1)} jobs a second)`,
          columns: ['', 'ms', 'share'],
          rows: [
            ['api', ...each(cpu.api)],
            ['worker', ...each(cpu.worker)],
            ['decoders', ...each(decoders)],
            ['Temporal', ...each(cpu.temporal)],
            ['all', ...each(all)],
          ],
        },
      ],
    };
  });
}

async function done(client: Client): Promise<number> {
  const { count } = await client.workflow.count(`WorkflowType = 'processUpload' AND ExecutionStatus = 'Completed'`);
  return count;
}
