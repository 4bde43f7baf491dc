import { Client, Connection } from '@temporalio/client';

import { type Finding, type Settings, show } from './finding.ts';
import { mail } from './mail.ts';
import { startPeer } from './peer.ts';
import type { HttpLoad } from './peers/http-load.ts';
import type { Timed } from './peers/in-flight.ts';
import type { SinkState } from './peers/sink.ts';
import { mebibyte, residentBytes } from './process-facts.ts';
import { prepareGround, startApi, startWorker } from './product.ts';
import { onStage, type Stage, until } from './stage.ts';
import { median } from './statistics.ts';

/** Of the resident size after the first 2,000 jobs. */
const flat = 0.1;

interface Sample {
  jobs: number;
  /** In MiB. */
  api: number;
  worker: number;
}

/** Resident memory of api and worker, each a process of its own, while e-mail jobs go through them. */
export async function memory({ quick, profile, temporalSettings, say }: Settings): Promise<Finding> {
  const step = quick ? 100 : 2_000;
  return onStage(say, async (stage) => {
    const sink = startPeer<'state', SinkState>(stage, new URL('./peers/sink.ts', import.meta.url));
    const ground = await prepareGround(stage, { temporalSettings, smtpPort: (await sink.ask('state')).port });
    const api = await startApi(stage, ground, profile);
    const worker = await startWorker(stage, ground);
    const completed = await completedJobs(stage, ground.temporal.address);
    const load = startPeer<HttpLoad, Timed>(stage, new URL('./peers/http-load.ts', import.meta.url));
    const request = { ...api, method: 'POST', path: '/v1/emails', body: JSON.stringify(mail), expect: 202, connections: 32 };
    const samples: Sample[] = [{ jobs: 0, ...(await settled(api.pid, worker.pid)) }];
    // The one job that `startApi` has taken.
    let sent = 1;
    const since = performance.now();
    for (let step_ = 1; step_ <= 6; step_++) {
      // No more than some hundred wait at a time: it is the jobs done that count, not a backlog.
      for (let part = 0; part < 4; part++) {
        await load.ask({ ...request, count: step / 4 });
        sent += step / 4;
        await until(
          async () => {
            if ((await sink.ask('state')).count < sent - 100) throw new Error('The worker does not keep up');
          },
          { within: 300_000 },
        );
      }
      await until(
        async () => {
          if ((await completed()) !== sent) throw new Error('Some jobs are not completed');
        },
        { within: 120_000, every: 500 },
      );
      samples.push({ jobs: step_ * step, ...(await settled(api.pid, worker.pid)) });
      say(
        `memory: ${String(step_ * step)} jobs done; api ${String(samples.at(-1)?.api)} MiB, worker ${String(samples.at(-1)?.worker)} MiB`,
      );
    }
    return finding(samples, { seconds: (performance.now() - since) / 1000, postgres: ground.postgresVersion });
  });
}

async function completedJobs(stage: Stage, address: string): Promise<() => Promise<number>> {
  const connection = stage.closing(await Connection.connect({ address }), (open) => open.close());
  const client = new Client({ connection });
  return async () => (await client.workflow.count('ExecutionStatus = "Completed"')).count;
}

/** The middle of some looks within three seconds of rest. */
async function settled(apiPid: number, workerPid: number): Promise<{ api: number; worker: number }> {
  const [api, worker]: [number[], number[]] = [[], []];
  for (let look = 0; look < 7; look++) {
    await new Promise((resolve) => setTimeout(resolve, 500)); // Between two looks: rest is what is measured.
    api.push(residentBytes(apiPid) / mebibyte);
    worker.push(residentBytes(workerPid) / mebibyte);
  }
  return { api: Math.round(median(api)), worker: Math.round(median(worker)) };
}

function finding(samples: Sample[], { seconds, postgres }: { seconds: number; postgres: string }): Finding {
  const [first, last] = [samples[1], samples.at(-1)];
  if (first === undefined || last === undefined) throw new Error('Nothing was measured');
  const jobs = show(first.jobs);
  const more = show(last.jobs - first.jobs);
  return {
    title: 'Memory',
    method: `\`handoff api\` and \`handoff worker\` as separate processes (PostgreSQL ${postgres}); e-mail jobs from 32 connections, all completed before each look.
Resident size (VmRSS), the median of seven looks in 3.5 s of rest; no garbage collection is forced. ${show(last.jobs / seconds)} jobs/s went through, looks included.`,
    verdicts: (['api', 'worker'] as const).map((name) => {
      const growth = last[name] - first[name];
      return {
        bar: `${name}: flat over ${more} more jobs (grows by less than ${String(flat * 100)} %)`,
        figure: `${show(first[name])} MiB after ${jobs}, then ${growth >= 0 ? '+' : ''}${show(growth)} MiB`,
        met: growth <= first[name] * flat,
      };
    }),
    tables: [
      {
        heading: 'Resident size, in MiB',
        columns: ['jobs', ...samples.map((sample) => show(sample.jobs))],
        rows: (['api', 'worker'] as const).map((name) => [name, ...samples.map((sample) => show(sample[name]))]),
      },
    ],
  };
}
