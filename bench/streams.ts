import { type Finding, type Settings, show } from './finding.ts';
import { mail } from './mail.ts';
import { startPeer } from './peer.ts';
import type { Followers } from './peers/followers.ts';
import { createHttp, type Http } from './peers/http.ts';
import { inFlight } from './peers/in-flight.ts';
import { cpuDuring, residentBytes } from './process-facts.ts';
import { prepareGround, startApi } from './product.ts';
import { onStage, until } from './stage.ts';
import { median } from './statistics.ts';

const jobs = 100;
const manyClients = 1_000;
/** So many that what a client needs shows beside what a new process needs, or a warm one has in store. */
const mostClients = 4_000;
/** The watcher's longest pause while there is something to wait for. */
const looksPerJob = 1;
/** A watch comes down to its slowest within this, in milliseconds. */
const calmAfterMs = 12_000;
const maxKilobytes = 50;

const states = { queued: {}, scheduled: { options: { delaySeconds: 30 * 86_400 } } } as const;

interface Measured {
  state: keyof typeof states;
  clients: number;
  looksPerSecond: number;
  /** Of the api, in bytes. */
  resident: number;
  /** Of one core. */
  processor: number;
}

/** A thousand clients that follow a hundred jobs on which nothing happens; no worker polls. */
export async function streams({ quick, profile, temporalSettings, say }: Settings): Promise<Finding> {
  const seconds = quick ? 10 : 30;
  return onStage(say, async (stage) => {
    const ground = await prepareGround(stage, { temporalSettings });
    const environment = { ...ground.environment, HANDOFF_MAX_STREAMS_PER_KEY: String(mostClients) };
    const measured: Measured[] = [];
    for (const [state, extra] of Object.entries(states) as [Measured['state'], object][]) {
      // A process of its own for each: what the first one has grown to would hide what the second needs.
      const api = await startApi(stage, { ...ground, environment }, profile);
      const http = createHttp({ ...api, connections: 8 });
      say(`streams: making ${String(jobs)} ${state} jobs`);
      const paths: string[] = [];
      await inFlight(jobs, 8, async () => {
        const { status, text } = await http.send({ method: 'POST', path: '/v1/emails', body: JSON.stringify({ ...mail, ...extra }) });
        if (status !== 202) throw new Error(`The API answered ${String(status)}: ${text}`);
        paths.push(`/v1/jobs/${(JSON.parse(text) as { id: string }).id}/events`);
      });
      const followers = startPeer<Followers, number>(stage, new URL('./peers/followers.ts', import.meta.url));
      for (const clients of [0, jobs, manyClients, mostClients]) {
        await followers.ask({ ...api, paths, clients });
        await until(async () => {
          if ((await metric(http, 'handoff_event_streams')) !== clients) throw new Error('Not all streams are open');
        });
        await new Promise((resolve) => setTimeout(resolve, clients === 0 ? 3_000 : calmAfterMs));
        const before = await metric(http, 'handoff_upstream_looks_total');
        const since = performance.now();
        const { result: resident, cpu } = await cpuDuring({ api: api.pid }, () => residentFor(api.pid, seconds * 1000));
        const took = (performance.now() - since) / 1000;
        const looksPerSecond = ((await metric(http, 'handoff_upstream_looks_total')) - before) / took;
        measured.push({ state, clients, looksPerSecond, resident, processor: cpu.api / 1000 / took });
        say(`streams: ${state}, ${String(clients)} clients: ${show(looksPerSecond, 1)} looks/s, ${show(resident / 1024)} KiB`);
      }
      await followers.ask({ ...api, paths, clients: 0 });
    }
    return finding(measured, seconds);
  });
}

async function metric(http: Http, name: string): Promise<number> {
  const { text } = await http.send({ method: 'GET', path: '/metrics' });
  const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`There is no metric ${name}`);
  return Number(value);
}

/** The middle of the looks in that time. */
async function residentFor(pid: number, milliseconds: number): Promise<number> {
  const looks: number[] = [];
  for (const end = performance.now() + milliseconds; performance.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, 500)); // Between two looks, for the time that is asked for.
    looks.push(residentBytes(pid));
  }
  return median(looks);
}

function finding(measured: Measured[], seconds: number): Finding {
  const of = (state: Measured['state'], clients: number) => {
    const found = measured.find((each) => each.state === state && each.clients === clients);
    if (found === undefined) throw new Error('Nothing was measured');
    return found;
  };
  const kilobytesOf = ({ state, clients, resident }: Measured) => (resident - of(state, 0).resident) / 1000 / clients;
  const names = Object.keys(states) as Measured['state'][];
  const further = (state: Measured['state']) =>
    (of(state, mostClients).resident - of(state, manyClients).resident) / 1000 / (mostClients - manyClients);
  const worst = Math.max(...names.map(further));
  const whole = Math.max(...names.map((state) => kilobytesOf(of(state, manyClients))));
  return {
    title: 'Event streams',
    method: `${show(manyClients)} clients of \`GET /v1/jobs/{id}/events\`, in a process of their own, on ${show(jobs)} jobs on which nothing happens: queued without a worker, or scheduled in 30 days.
Calls to Temporal as the api counts them (\`handoff_upstream_looks_total\`), over ${show(seconds)} s and ${show(calmAfterMs / 1000)} s after the last client came. Resident size (VmRSS), the median of a look each 0.5 s in that time; no garbage collection is forced.`,
    verdicts: [
      ...names.map((state) => {
        const [few, many] = [of(state, jobs).looksPerSecond, of(state, manyClients).looksPerSecond];
        return {
          bar: `${state}: calls by the number of jobs, not of clients: at most ${show(looksPerJob)} a second and job`,
          figure: `${show(many, 1)}/s for ${show(manyClients)} clients, ${show(few, 1)}/s for ${show(jobs)}`,
          met: many <= jobs * looksPerJob * 1.02,
        };
      }),
      {
        bar: `under ${show(maxKilobytes)} KB of memory for each of ${show(manyClients)} clients, the growth of a new process included`,
        figure: `${show(whole, 1)} KB (each further one up to ${show(mostClients)}: ${show(worst, 1)} KB)`,
        met: whole < maxKilobytes,
      },
    ],
    tables: [
      {
        heading: 'The api process',
        columns: ['jobs, clients', 'calls/s', 'resident MiB', 'KB a client', 'processor, % of a core'],
        rows: measured.map((each) => [
          `${show(jobs)} ${each.state}, ${show(each.clients)}`,
          show(each.looksPerSecond, 1),
          show(each.resident / 1024 / 1024),
          each.clients === 0 ? '' : show(kilobytesOf(each), 1),
          show(each.processor * 100, 1),
        ]),
        note: `"KB a client" counts everything beyond the new process without clients: the watches over the ${show(jobs)} jobs, and what any process grows by with its first requests. A process that has served before has that in store and grows by less than its clients need.`,
      },
    ],
  };
}
