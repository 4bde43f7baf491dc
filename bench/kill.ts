import pg from 'pg';

import type { Finding, Settings } from './finding.ts';
import { type Killed, killFinding, policies } from './kill-finding.ts';
import { type KillSink, openKillSink, points } from './kill-sink.ts';
import { createHttp, type Http } from './peers/http.ts';
import { type Ground, prepareGround, startApi, startWorker } from './product.ts';
import { openStallingProxy } from './stalling-proxy.ts';
import { onStage, type Stage, until } from './stage.ts';

const seed = 20_261_122;
const kills = 50;
/** More than the buffers of one connection hold. */
const largeBytes = 1_000_000;

/** Mulberry32: the same rounds each time. */
function randomOf(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Message extends Pick<Killed, 'point' | 'policy'> {
  name: string;
  jobId: string;
}

/** A worker whose ways to PostgreSQL and to Temporal can be cut. */
async function startDoomed(stage: Stage, { environment, ...ground }: Ground) {
  const database = new URL(environment['DATABASE_URL'] ?? '');
  const temporal = new URL(`http://${ground.temporal.address}`);
  const toDatabase = await openStallingProxy(stage, { host: database.hostname, port: Number(database.port) });
  const toTemporal = await openStallingProxy(stage, { host: temporal.hostname, port: Number(temporal.port) });
  database.host = `127.0.0.1:${String(toDatabase.port)}`;
  const own = { ...environment, DATABASE_URL: database.href, TEMPORAL_ADDRESS: `127.0.0.1:${String(toTemporal.port)}` };
  return { ...(await startWorker(stage, { ...ground, environment: own })), toDatabase, toTemporal };
}

async function submit(http: Http, sink: KillSink, round: number, random: () => number): Promise<Message[]> {
  const wishes = points.flatMap((point) => policies.map((policy) => ({ point, policy, turn: random() })));
  const messages: Message[] = [];
  for (const { point, policy } of wishes.sort((one, other) => one.turn - other.turn)) {
    const name = `r${String(round)}-${String(points.indexOf(point))}-${policy.replaceAll('_', '-')}`;
    sink.hold(name, point);
    const text = 'A line of text.\n'.repeat((point === 'during DATA' ? largeBytes : 200 + 4_000 * random()) / 16);
    const body = { to: ['ada@example.com'], from: `${name}@example.org`, subject: name, text, duplicatePolicy: policy };
    const answer = await http.send({ method: 'POST', path: '/v1/emails', body: JSON.stringify(body) });
    if (answer.status !== 202) throw new Error(`The API answered ${String(answer.status)}: ${answer.text}`);
    messages.push({ name, point, policy, jobId: (JSON.parse(answer.text) as { id: string }).id });
  }
  return messages;
}

async function outcomeOf(http: Http, sink: KillSink, { name, jobId, point, policy }: Message): Promise<Killed> {
  return until(
    async () => {
      const { text } = await http.send({ method: 'GET', path: `/v1/jobs/${jobId}` });
      const { status, error } = JSON.parse(text) as { status: string; error: { code: string } | null };
      if (status !== 'completed' && status !== 'failed') throw new Error(`${name} is ${status}`);
      return { point, policy, copies: sink.copies.get(name) ?? 0, status, code: error?.code ?? null };
    },
    { within: 300_000, every: 500 },
  );
}

/** `kill -9` of a worker, again and again, each time with messages at the points where it matters. */
export async function killRounds({
  rounds,
  temporalSettings,
  say,
}: Pick<Settings, 'rounds' | 'temporalSettings' | 'say'>): Promise<Killed[]> {
  return onStage(say, async (stage) => {
    const sink = await openKillSink(stage);
    const ground = await prepareGround(stage, { temporalSettings });
    const withSink = { ...ground.environment, SMTP_URL: `smtp://127.0.0.1:${String(sink.port)}?maxConnections=40` };
    const doomedGround = { ...ground, environment: withSink };
    const http = createHttp({ ...(await startApi(stage, ground)), connections: 2 });
    const db = stage.closing(new pg.Pool({ connectionString: ground.environment['DATABASE_URL'], max: 1 }), (pool) => pool.end());
    const random = randomOf(seed);
    const all: Message[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const worker = await startDoomed(stage, doomedGround);
      const messages = await submit(http, sink, round, random);
      all.push(...messages);
      await until(() => {
        const missing = messages.filter(({ name }) => !sink.held.has(name)).map(({ name }) => name);
        if (missing.length > 0) throw new Error(`Not at their points: ${missing.join(', ')}`);
      });
      worker.toTemporal.stall();
      const at = (wanted: string) => messages.filter(({ point }) => point === wanted);
      for (const { name } of at('after the ledger')) sink.release(name);
      for (const { jobId } of at('after the ledger'))
        await until(async () => {
          const { rows } = await db.query<{ state: string }>('select state from deliveries where job_id = $1', [jobId]);
          if (rows[0]?.state !== 'sent') throw new Error('The ledger does not say sent');
        });
      worker.toDatabase.stall();
      for (const { name } of at('before the ledger')) sink.release(name);
      await new Promise((resolve) => setTimeout(resolve, 20 + 200 * random()));
      process.kill(worker.pid, 'SIGKILL');
      for (const proxy of [worker.toTemporal, worker.toDatabase]) proxy.close();
      say(`kill: round ${String(round + 1)} of ${String(rounds)}`);
    }
    await startWorker(stage, doomedGround);
    const outcomes: Killed[] = [];
    for (const message of all) outcomes.push(await outcomeOf(http, sink, message));
    return outcomes;
  });
}

export async function kill({ quick, ...settings }: Settings): Promise<Finding> {
  const rounds = quick ? Math.ceil(kills / 10) : kills;
  return killFinding(rounds, await killRounds({ ...settings, rounds }), seed);
}
