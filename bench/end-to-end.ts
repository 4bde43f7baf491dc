import { type Measured, endToEndFinding, kinds, modes } from './end-to-end-finding.ts';
import type { Finding, Settings } from './finding.ts';
import { mail, sender } from './mail.ts';
import { startPeer } from './peer.ts';
import type { BareWorker } from './peers/bare-worker.ts';
import type { JobKind, OneJob, OneJobTimes } from './peers/one-job.ts';
import type { SinkState } from './peers/sink.ts';
import { prepareGround, startApi, startWorker } from './product.ts';
import { onStage } from './stage.ts';
import { quantile } from './statistics.ts';

/** One e-mail job at a time, from asking for it to its result, against a workflow with one activity. */
export async function endToEnd({ rounds, quick, profile, temporalSettings, say }: Settings): Promise<Finding> {
  const count = quick ? 5 : 12;
  return onStage(say, async (stage) => {
    const sink = startPeer<'state', SinkState>(stage, new URL('./peers/sink.ts', import.meta.url));
    const { port } = await sink.ask('state');
    const ground = await prepareGround(stage, { temporalSettings, smtpPort: port });
    const api = await startApi(stage, ground, profile);
    await startWorker(stage, ground);
    const { address } = ground.temporal;
    const bareWorker = startPeer<BareWorker, string>(stage, new URL('./peers/bare-worker.ts', import.meta.url));
    await bareWorker.ask({ address, smtpUrl: `smtp://127.0.0.1:${String(port)}`, taskQueue: 'bare' });
    const caller = startPeer<OneJob, OneJobTimes>(stage, new URL('./peers/one-job.ts', import.meta.url));
    const fixed = {
      temporal: address,
      ...{ api, body: JSON.stringify(mail), bare: { taskQueue: 'bare', mail: { ...mail, from: sender, to: mail.to[0] ?? '' } } },
    };
    const order = Object.keys(kinds) as JobKind[];
    say('end-to-end: warming up');
    await caller.ask({ ...fixed, kinds: order, count: 30, restMs: 0 });
    const measured: Measured = { alone: [], backToBack: [] };
    for (let round = 0; round < rounds; round++) {
      const turn = { ...fixed, count, kinds: round % 2 === 0 ? order : order.toReversed() };
      for (const mode of ['alone', 'backToBack'] as const) measured[mode].push(await caller.ask({ ...turn, ...modes[mode] }));
      const last = (kind: JobKind) => quantile(measured.alone.at(-1)?.[kind] ?? [], 0.5).toFixed(1);
      say(`end-to-end: round ${String(round + 1)} of ${String(rounds)}: p50 ${last('product')} ms, bare ${last('sendOne')} ms`);
    }
    return endToEndFinding(measured, count);
  });
}
