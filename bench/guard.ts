import type { Lane, Round } from './accept-finding.ts';
import { countStatements } from './database-count.ts';
import type { Finding, Settings } from './finding.ts';
import { type Asked, guardFinding } from './guard-finding.ts';
import { mail } from './mail.ts';
import { startPeer } from './peer.ts';
import type { HttpLoad } from './peers/http-load.ts';
import type { Timed } from './peers/in-flight.ts';
import { cpuDuring } from './process-facts.ts';
import { prepareGround, startApi, startUnguardedApi } from './product.ts';
import { onStage } from './stage.ts';

const connections = 32;
/** Of a round, in turn: what disturbs the machine for a second disturbs both sides. */
const slices = 2;

/** Accepting e-mails with encryption, authentication and limits, and without: two api processes of one build, one Temporal. */
export async function guard({ rounds, quick, profile, temporalSettings, say }: Settings): Promise<Finding> {
  const count = quick ? 200 : 1_000;
  return onStage(say, async (stage) => {
    const ground = await prepareGround(stage, { temporalSettings });
    const database = await countStatements(stage, ground.environment['DATABASE_URL'] ?? '');
    const guarded = await startApi(stage, { ...ground, environment: { ...ground.environment, DATABASE_URL: database.url } }, profile);
    const unguarded = await startUnguardedApi(stage, ground, profile);
    const load = startPeer<HttpLoad, Timed>(stage, new URL('./peers/http-load.ts', import.meta.url));
    const lane = (api: typeof guarded, body: object, expect: number): Lane => ({
      pids: { api: api.pid, caller: load.pid, temporal: ground.temporal.pid },
      run: (share = 1) =>
        load.ask({
          ...{ ...api, connections, count: Math.ceil(count * share), expect },
          ...{ method: 'POST', path: '/v1/emails', body: JSON.stringify(body) },
        }),
    });
    const refused = { ...mail, unknown: 1 };
    const lanes: Record<string, Lane> = {
      guarded: lane(guarded, mail, 202),
      unguarded: lane(unguarded, mail, 202),
      'guarded refused': lane(guarded, refused, 400),
      'unguarded refused': lane(unguarded, refused, 400),
    };
    say('guard: warming up');
    for (const each of Object.values(lanes)) await each.run();

    const measured: Record<string, Round[]> = {};
    const asked: Asked[] = [];
    const slice = async (name: string, { pids, ...work }: Lane) => {
      database.taken();
      const { result, cpu } = await cpuDuring(pids, () => work.run(1 / slices));
      if (name === 'guarded' || name === 'guarded refused')
        asked.push({ name, calls: result.latencies.length, seconds: result.seconds, statements: database.taken() });
      return { ...result, cpu };
    };
    for (let round = 0; round < rounds; round++) {
      const parts: Record<string, Awaited<ReturnType<typeof slice>>[]> = {};
      for (let turn = 0; turn < slices; turn++) {
        // Nobody always goes first.
        const order = (round + turn) % 2 === 0 ? Object.entries(lanes) : Object.entries(lanes).reverse();
        for (const [name, each] of order) (parts[name] ??= []).push(await slice(name, each));
      }
      for (const [name, all] of Object.entries(parts)) (measured[name] ??= []).push(together(all));
      const rate = (name: string) => Math.round(measured[name]?.at(-1)?.rate ?? 0);
      say(`guard: round ${String(round + 1)} of ${String(rounds)}: ${String(rate('guarded'))}/s, unguarded ${String(rate('unguarded'))}/s`);
    }
    return guardFinding(measured, asked, { count, connections, slices });
  });
}

function together(parts: (Timed & { cpu: Record<string, number> })[]): Round {
  const latencies = parts.flatMap((part) => part.latencies);
  const seconds = parts.reduce((sum, part) => sum + part.seconds, 0);
  const names = Object.keys(parts[0]?.cpu ?? {});
  const cpu = Object.fromEntries(names.map((name) => [name, parts.reduce((sum, part) => sum + (part.cpu[name] ?? 0), 0)]));
  return { rate: latencies.length / seconds, latencies, cpu };
}
