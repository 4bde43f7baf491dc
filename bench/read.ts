import type { Lane, Round } from './accept-finding.ts';
import type { Finding, Settings } from './finding.ts';
import { mail } from './mail.ts';
import { startPeer } from './peer.ts';
import type { Describes } from './peers/describes.ts';
import { createHttp } from './peers/http.ts';
import type { HttpLoad } from './peers/http-load.ts';
import { inFlight, type Timed } from './peers/in-flight.ts';
import type { SinkState } from './peers/sink.ts';
import { cpuDuring } from './process-facts.ts';
import { prepareGround, startApi, startWorker } from './product.ts';
import { type ReadState, readFinding, readStates } from './read-finding.ts';
import { onStage, until } from './stage.ts';

const connections = 32;
/** Jobs in each state, read in turn. */
const jobsEach = 100;

/** `GET /v1/jobs/{id}` against `describe`, of jobs that wait, of jobs that have begun and of finished ones; no worker runs. */
export async function read({ rounds, quick, profile, temporalSettings, say }: Settings): Promise<Finding> {
  const [count, firstReads] = quick ? [300, 50] : [1_000, 200];
  return onStage(say, async (stage) => {
    const sink = startPeer<'state', SinkState>(stage, new URL('./peers/sink.ts', import.meta.url));
    const ground = await prepareGround(stage, { temporalSettings, smtpPort: (await sink.ask('state')).port });
    const api = await startApi(stage, ground, profile);
    const worker = await startWorker(stage, ground);
    const http = createHttp({ ...api, connections });

    say('read: making the jobs');
    const finished = await jobsThat(http, 'completed', jobsEach);
    const unread = await submitted(http, rounds * firstReads);
    // All are sent: without a look at any of them.
    await until(
      async () => {
        if ((await sink.ask('state')).count < 1 + jobsEach + unread.length) throw new Error('The worker does not keep up');
      },
      { within: 600_000, every: 500 },
    );
    // Nobody takes mail any more: the first attempt fails, and the job waits for the next.
    await ended(sink.pid);
    const retrying = await jobsThat(http, 'retrying', jobsEach);
    await ended(worker.pid);
    const queued = await jobsThat(http, 'queued', jobsEach);
    const ids: Record<ReadState, string[]> = { queued, retrying, finished };

    const bare = startPeer<Describes, Timed>(stage, new URL('./peers/describes.ts', import.meta.url));
    const load = startPeer<HttpLoad, Timed>(stage, new URL('./peers/http-load.ts', import.meta.url));
    const temporal = ground.temporal.pid;
    const get = (path: readonly string[], expect: number, jobs = count): Lane => ({
      pids: { api: api.pid, caller: load.pid, temporal },
      run: (share = 1) => load.ask({ ...api, method: 'GET', path, expect, connections, count: Math.ceil(jobs * share) }),
    });
    const describe = (of: readonly string[]): Lane => ({
      pids: { caller: bare.pid, temporal },
      run: (share = 1) => bare.ask({ address: ground.temporal.address, ids: of, count: Math.ceil(count * share), width: connections }),
    });
    const pathsOf = (of: readonly string[]) => of.map((id) => `/v1/jobs/${id}`);
    const lanes: Record<string, Lane> = {
      ...Object.fromEntries(
        readStates.flatMap((state) => [
          [`product ${state}`, get(pathsOf(ids[state]), 200)],
          [`bare ${state}`, describe(ids[state])],
        ]),
      ),
      unknown: get(['/v1/jobs/email_x'], 404),
    };
    say('read: warming up');
    for (const lane of Object.values(lanes)) await lane.run(0.3);

    const measured: Record<string, Round[]> = {};
    const measure = async (name: string, lane: Lane) => {
      const { result, cpu } = await cpuDuring(lane.pids, () => lane.run());
      (measured[name] ??= []).push({ rate: result.latencies.length / result.seconds, latencies: result.latencies, cpu });
    };
    for (let round = 0; round < rounds; round++) {
      const order = Object.entries(lanes);
      for (const [name, lane] of round % 2 === 0 ? order : order.reverse()) await measure(name, lane);
      await measure('product first', get(pathsOf(unread.slice(round * firstReads, (round + 1) * firstReads)), 200, firstReads));
      const rate = (name: string) => Math.round(measured[name]?.at(-1)?.rate ?? 0);
      say(
        `read: round ${String(round + 1)} of ${String(rounds)}: ${readStates.map((state) => `${state} ${String(rate(`product ${state}`))}/s, bare ${String(rate(`bare ${state}`))}/s`).join('; ')}`,
      );
    }
    return readFinding(measured, { count, connections, jobsEach, firstReads });
  });
}

type Http = ReturnType<typeof createHttp>;

async function submitted(http: Http, count: number): Promise<string[]> {
  const ids: string[] = [];
  await inFlight(count, connections, async () => {
    const { status, text } = await http.send({ method: 'POST', path: '/v1/emails', body: JSON.stringify(mail) });
    if (status !== 202) throw new Error(`The API answered ${String(status)}: ${text}`);
    ids.push((JSON.parse(text) as { id: string }).id);
  });
  return ids;
}

async function jobsThat(http: Http, status: string, count: number): Promise<string[]> {
  const ids = await submitted(http, count);
  for (const id of ids)
    await until(async () => {
      const job = JSON.parse((await http.send({ method: 'GET', path: `/v1/jobs/${id}` })).text) as { status: string };
      if (job.status !== status) throw new Error(`A job is ${job.status} and not ${status}`);
    });
  return ids;
}

async function ended(pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM');
  await until(() => {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    throw new Error('A process does not end');
  });
}
