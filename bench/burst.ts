import { Client, Connection } from '@temporalio/client';

import { type BurstSide, burstFinding, type Drained } from './burst-finding.ts';
import type { Finding, Settings } from './finding.ts';
import { mail, sender } from './mail.ts';
import { startPeer } from './peer.ts';
import type { BareWorker } from './peers/bare-worker.ts';
import type { Burst, BurstAccepted } from './peers/burst.ts';
import type { SinkState } from './peers/sink.ts';
import { unread } from './peers/unread.ts';
import { cpuDuring } from './process-facts.ts';
import { prepareGround, startApi, startWorker } from './product.ts';
import { onStage } from './stage.ts';

const width = 32;
const bareMail = { ...mail, from: sender, to: mail.to[0] ?? '' };

/** Many e-mail jobs as fast as they are taken, until the last one is completed, and what Temporal says about them afterwards. */
export async function burst({ quick, profile, temporalSettings, say }: Settings): Promise<Finding> {
  const count = quick ? 1_000 : 10_000;
  return onStage(say, async (stage) => {
    const sink = startPeer<'state', SinkState>(stage, new URL('./peers/sink.ts', import.meta.url));
    const { port } = await sink.ask('state');
    const ground = await prepareGround(stage, { temporalSettings, smtpPort: port });
    const api = await startApi(stage, ground, profile);
    const worker = await startWorker(stage, ground);
    const { address, pid: temporal } = ground.temporal;
    const bareWorker = startPeer<BareWorker, string>(stage, new URL('./peers/bare-worker.ts', import.meta.url));
    await bareWorker.ask({ address, smtpUrl: `smtp://127.0.0.1:${String(port)}`, taskQueue: 'bare' });
    const caller = startPeer<Burst, BurstAccepted>(stage, new URL('./peers/burst.ts', import.meta.url));
    const connection = stage.closing(await Connection.connect({ address }), (open) => open.close());
    const client = new Client({ connection, dataConverter: unread });

    const sides: Record<BurstSide, { workflow: string; order: (count: number) => Burst; pids: Record<string, number> }> = {
      bare: {
        workflow: 'sendOneApart',
        order: (jobs) => ({ side: 'bare', count: jobs, width, address, taskQueue: 'bare', workflow: 'sendOneApart', mail: bareMail }),
        pids: { caller: caller.pid, worker: bareWorker.pid, temporal },
      },
      product: {
        workflow: 'sendEmail',
        order: (jobs) => ({ side: 'product', count: jobs, width, ...api, body: JSON.stringify(mail) }),
        pids: { caller: caller.pid, api: api.pid, worker: worker.pid, temporal },
      },
    };

    /** A burst until all of its jobs are closed, or none has been for a while. */
    const run = async (side: BurstSide, jobs: number): Promise<Drained> => {
      const { workflow, order, pids } = sides[side];
      const mailsBefore = (await sink.ask('state')).count;
      const { result, cpu } = await cpuDuring(pids, async () => {
        const accepted = await caller.ask(order(jobs));
        const query = `WorkflowType = '${workflow}' AND StartTime >= '${new Date(accepted.from).toISOString()}'`;
        say(`burst: ${side}: ${String(accepted.ids.length)} of ${String(jobs)} accepted in ${String(accepted.to - accepted.from)} ms`);
        await closed(client, query, accepted.ids.length);
        return { accepted, query };
      });
      const counted = await countByStatus(client, result.query);
      const found = await runsOf(client, result.query);
      const mails = (await sink.ask('state')).count - mailsBefore;
      say(`burst: ${side}: ${JSON.stringify(counted)}`);
      return { ...result.accepted, asked: jobs, counted, found, mails, cpu };
    };

    say('burst: warming up');
    for (const side of ['bare', 'product'] as const) await run(side, 200);
    // The bare side goes first: the product's burst meets the larger database.
    const bare = await run('bare', count);
    return burstFinding({ bare, product: await run('product', count) }, width);
  });
}

const pauseMs = 1_000;
/** Without any progress, the rest is given up: it shows as not completed. */
const patienceMs = 120_000;

async function closed(client: Client, query: string, jobs: number): Promise<void> {
  for (let [before, since] = [-1, Date.now()]; ;) {
    const { count } = await client.workflow.count(`${query} AND ExecutionStatus != 'Running'`);
    if (count >= jobs || Date.now() - since > patienceMs) return;
    if (count !== before) [before, since] = [count, Date.now()];
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function countByStatus(client: Client, query: string): Promise<Record<string, number>> {
  const { groups } = await client.workflow.count(`${query} GROUP BY ExecutionStatus`);
  return Object.fromEntries(groups.map(({ count, groupValues }) => [String(groupValues[0]), count]));
}

/** Each one that Temporal knows, with the time of its completion in milliseconds since 1970. */
async function runsOf(client: Client, query: string): Promise<Map<string, number | undefined>> {
  const runs = new Map<string, number | undefined>();
  for await (const { workflowId, status, closeTime } of client.workflow.list({ query, pageSize: 1_000 }))
    runs.set(workflowId, status.name === 'COMPLETED' ? closeTime?.getTime() : undefined);
  return runs;
}
