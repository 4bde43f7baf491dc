import { bulkFinding, type BulkMeasured } from './bulk-finding.ts';
import type { Finding, Settings } from './finding.ts';
import { mail } from './mail.ts';
import { startPeer } from './peer.ts';
import { createHttp, type Http } from './peers/http.ts';
import { inFlight } from './peers/in-flight.ts';
import type { Mood, MoodySinkState } from './peers/moody-sink.ts';
import { prepareGround, startApi, startWorker } from './product.ts';
import { onStage, until } from './stage.ts';

const ratePerSecond = 20;
/** How many new e-mails are timed before the redrive. */
const before = 30;
const retry = { maximumAttempts: 1, initialIntervalSeconds: 0.1 };
const unbounded = { within: 15 * 60_000 };

interface BulkResource {
  id: string;
  status: string;
  counts: { matched: number; done: number; skipped: number; failed: number };
  createdAt: string;
  finishedAt: string | null;
}

async function ask<T>(http: Http, method: string, path: string, body?: object): Promise<T> {
  const { status, text } = await http.send({ method, path, ...(body && { body: JSON.stringify(body) }) });
  if (status >= 300) throw new Error(`${method} ${path} answered ${String(status)}: ${text}`);
  return JSON.parse(text) as T;
}

/** A thousand dead letters, redriven at 20 a second, while new e-mails go on one after the other. */
export async function bulk({ quick, profile, temporalSettings, say }: Settings): Promise<Finding> {
  const count = quick ? 200 : 1_000;
  return onStage(say, async (stage) => {
    const sink = startPeer<Mood, MoodySinkState>(stage, new URL('./peers/moody-sink.ts', import.meta.url));
    const { port } = await sink.ask({ refuse: true });
    const ground = await prepareGround(stage, { temporalSettings, smtpPort: port });
    const api = await startApi(stage, ground, profile);
    await startWorker(stage, ground);
    const http = createHttp({ ...api, connections: 32 });

    /** From asking for it to its end, in milliseconds. */
    const newEmail = async (): Promise<number> => {
      const since = performance.now();
      const { id } = await ask<{ id: string }>(http, 'POST', '/v1/emails', mail);
      await until(
        async () => {
          if ((await ask<{ status: string }>(http, 'GET', `/v1/jobs/${id}`)).status !== 'completed')
            throw new Error('A new e-mail is not sent');
        },
        { every: 10 },
      );
      return performance.now() - since;
    };
    const counts = async () => (await ask<{ counts: Record<string, number> }>(http, 'GET', '/v1/jobs/counts')).counts;

    say(`bulk: making ${String(count)} dead letters`);
    await inFlight(count, 32, (index) => {
      const to = [`later${String(index)}@example.com`];
      return ask(http, 'POST', '/v1/emails', { ...mail, to, options: { retry } });
    });
    await until(async () => {
      const { dead_lettered: parked } = await counts();
      if (parked !== count) throw new Error(`${String(parked)} of ${String(count)} are parked`);
    }, unbounded);
    await sink.ask({ refuse: false });

    say('bulk: new e-mails before the redrive');
    for (let warmUp = 0; warmUp < 10; warmUp++) await newEmail();
    const alone: number[] = [];
    while (alone.length < before) alone.push(await newEmail());

    say('bulk: redriving');
    const { id } = await ask<BulkResource>(http, 'POST', '/v1/bulk-actions', { action: 'retry', filter: {}, ratePerSecond });
    const meanwhile: number[] = [];
    let resource: BulkResource;
    do {
      meanwhile.push(await newEmail());
      resource = await ask<BulkResource>(http, 'GET', `/v1/bulk-actions/${id}`);
    } while (resource.status === 'running');
    if (resource.status !== 'completed') throw new Error(`The bulk action is ${resource.status}`);
    await until(async () => {
      if ((await sink.ask({ refuse: false })).taken < count) throw new Error('Not all are sent');
    }, unbounded);
    const drained = Date.now();
    const { dead_lettered: parked = 0 } = await counts();
    const began = Date.parse(resource.createdAt);
    const measured: BulkMeasured = {
      ...{ count, ratePerSecond, alone, meanwhile, parked, counts: resource.counts },
      sent: (await sink.ask({ refuse: false })).taken,
      redriveSeconds: (Date.parse(resource.finishedAt ?? '') - began) / 1_000,
      drainSeconds: (drained - began) / 1_000,
    };
    return bulkFinding(measured);
  });
}
