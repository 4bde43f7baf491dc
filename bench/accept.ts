import type { Finding, Settings } from './finding.ts';
import { mail } from './mail.ts';
import { startPeer } from './peer.ts';
import type { BareStarts } from './peers/bare-starts.ts';
import type { HttpLoad } from './peers/http-load.ts';
import type { Timed } from './peers/in-flight.ts';
import { cpuDuring } from './process-facts.ts';
import { prepareGround, startApi } from './product.ts';
import { acceptFinding, type Lane, type Round } from './accept-finding.ts';
import { onStage } from './stage.ts';

const connections = 32;

/** `POST /v1/emails` against `client.workflow.start`, and what HTTP costs without Temporal. Nothing polls: starts only. */
export async function accept({ rounds, quick, profile, temporalSettings, say }: Settings): Promise<Finding> {
  const count = quick ? 300 : 1_000;
  return onStage(say, async (stage) => {
    const ground = await prepareGround(stage, { temporalSettings });
    const api = await startApi(stage, ground, profile);
    const bare = startPeer<BareStarts, Timed>(stage, new URL('./peers/bare-starts.ts', import.meta.url));
    const load = startPeer<HttpLoad, Timed>(stage, new URL('./peers/http-load.ts', import.meta.url));
    const pids = { api: api.pid, caller: load.pid, temporal: ground.temporal.pid };
    const http = (request: Pick<HttpLoad, 'method' | 'path' | 'body' | 'expect'>, jobs: number): Lane => ({
      pids,
      run: (share = 1) => load.ask({ ...api, ...request, connections, count: Math.ceil(jobs * share) }),
    });
    const body = JSON.stringify(mail);
    const lanes: Record<string, Lane> = {
      product: http({ method: 'POST', path: '/v1/emails', body, expect: 202 }, count),
      bare: {
        pids: { caller: bare.pid, temporal: ground.temporal.pid },
        run: (share = 1) => bare.ask({ address: ground.temporal.address, count: Math.ceil(count * share), width: connections }),
      },
      refused: http({ method: 'POST', path: '/v1/emails', body: JSON.stringify({ ...mail, unknown: 1 }), expect: 400 }, count),
      live: http({ method: 'GET', path: '/livez', expect: 200 }, count),
    };
    say('accept: warming up');
    for (const lane of Object.values(lanes)) await lane.run(0.3);
    const measured: Record<string, Round[]> = {};
    for (let round = 0; round < rounds; round++) {
      // Every other round the other way round: nobody always goes first.
      const order = round % 2 === 0 ? Object.entries(lanes) : Object.entries(lanes).reverse();
      for (const [name, lane] of order) {
        const { result, cpu } = await cpuDuring(lane.pids, () => lane.run());
        (measured[name] ??= []).push({ rate: result.latencies.length / result.seconds, latencies: result.latencies, cpu });
      }
      const rate = (name: string) => Math.round(measured[name]?.at(-1)?.rate ?? 0);
      say(`accept: round ${String(round + 1)} of ${String(rounds)}: ${String(rate('product'))}/s, bare ${String(rate('bare'))}/s`);
    }
    return acceptFinding(measured, { count, connections });
  });
}
