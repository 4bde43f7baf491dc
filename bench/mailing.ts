import { Client, Connection } from '@temporalio/client';

import type { Finding, Settings } from './finding.ts';
import { mail } from './mail.ts';
import { type Large, mailingFinding, type Sent } from './mailing-finding.ts';
import { recipientOf } from './mailing-recipients.ts';
import { startPeer } from './peer.ts';
import type { BarePool } from './peers/bare-pool.ts';
import { celeryMailing } from './peers/celery-mail.ts';
import { createHttp } from './peers/http.ts';
import type { SinkState } from './peers/sink.ts';
import { unread } from './peers/unread.ts';
import { cpuDuring, mebibyte, residentBytes } from './process-facts.ts';
import { prepareGround, startApi, startWorker } from './product.ts';
import { onStage, until } from './stage.ts';

/** To the mail server, on every side. */
const connections = 5;
const { subject, text, html } = mail;

const perThousand = (cpu: Record<string, number>, messages: number) =>
  Object.values(cpu).reduce((sum, milliseconds) => sum + milliseconds, 0) / messages;

/** One batch against nodemailer's pool and against Celery, and one of 100,000 recipients. */
export async function mailing({ rounds, quick, profile, temporalSettings, say }: Settings): Promise<Finding> {
  const [messages, many] = quick ? [500, 5_000] : [5_000, 100_000];
  return onStage(say, async (stage) => {
    const sink = startPeer<'state', SinkState>(stage, new URL('./peers/sink.ts', import.meta.url));
    const taken = async () => (await sink.ask('state')).count;
    const { port } = await sink.ask('state');
    const ground = await prepareGround(stage, { temporalSettings, smtpPort: port });
    const environment = { ...ground.environment, HANDOFF_MAIL_CONNECTIONS: String(connections) };
    const api = await startApi(stage, { ...ground, environment });
    const worker = await startWorker(stage, { ...ground, environment }, profile);
    const pool = startPeer<BarePool, number>(stage, new URL('./peers/bare-pool.ts', import.meta.url));
    const http = createHttp({ ...api, connections: 2 });
    const { address, pid: temporal } = ground.temporal;
    const pids = { api: api.pid, worker: worker.pid, temporal };

    async function completed(id: string): Promise<void> {
      await until(
        async () => {
          const { status, result } = JSON.parse((await http.send({ method: 'GET', path: `/v1/jobs/${id}?wait=30` })).text) as {
            status: string;
            result: { sent: number } | null;
          };
          if (status !== 'completed') throw new Error(`The batch is ${status}`);
          say(`mailing: ${String(result?.sent)} sent`);
        },
        { within: 30 * 60_000, every: 50 },
      );
    }
    const idIn = (answer: string) => (JSON.parse(answer) as { id: string }).id;

    async function byProduct(): Promise<Sent> {
      const recipients = Array.from({ length: messages }, (_, index) => ({ to: recipientOf(index) }));
      const body = JSON.stringify({ subject, text, html, recipients });
      const since = performance.now();
      const { cpu } = await cpuDuring(pids, async () => {
        const answer = await http.send({ method: 'POST', path: '/v1/email-batches', body });
        if (answer.status !== 202) throw new Error(`The API answers ${String(answer.status)}: ${answer.text.slice(0, 500)}`);
        await completed(idIn(answer.text));
      });
      return { perSecond: (messages / (performance.now() - since)) * 1_000, cpuSecondsPerThousand: perThousand(cpu, messages) };
    }
    async function byPool(): Promise<Sent> {
      const { result, cpu } = await cpuDuring({ pool: pool.pid }, () => pool.ask({ port, messages, connections }));
      return { perSecond: (messages / result) * 1_000, cpuSecondsPerThousand: perThousand(cpu, messages) };
    }
    async function byCelery(): Promise<Sent> {
      const { messagesPerSecond, ...rest } = await celeryMailing(stage, { messages, smtpPort: port, concurrency: connections, taken });
      return { perSecond: messagesPerSecond, ...rest };
    }

    const sides = { product: [] as Sent[], pool: [] as Sent[], celery: [] as Sent[] };
    for (let round = 0; round < rounds; round += 1) {
      const turns = [
        async () => sides.product.push(await byProduct()),
        async () => sides.pool.push(await byPool()),
        async () => sides.celery.push(await byCelery()),
      ];
      for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
      say(`mailing: round ${String(round + 1)} of ${String(rounds)}`);
    }

    const connection = stage.closing(await Connection.connect({ address }), (open) => open.close());
    const large = await byOneLargeBatch();
    return mailingFinding({ messages, connections, rounds, ...sides, large });

    async function byOneLargeBatch(): Promise<Large> {
      const lines = [JSON.stringify({ subject, text, html })];
      for (let index = 0; index < many; index += 1) lines.push(JSON.stringify({ to: recipientOf(index) }));
      const [before, start] = [residentBytes(worker.pid), performance.now()];
      let most = before;
      const timer = stage.closing(
        setInterval(() => {
          most = Math.max(most, residentBytes(worker.pid));
        }, 500),
        clearInterval,
      );
      const headers = { Authorization: `Bearer ${api.key}`, 'Content-Type': 'application/x-ndjson' };
      const answer = await fetch(`${api.url}/v1/email-batches`, { method: 'POST', headers, body: lines.join('\n') });
      const told = await answer.text();
      if (answer.status !== 202) throw new Error(`The API answers ${String(answer.status)}: ${told.slice(0, 500)}`);
      await completed(idIn(told));
      clearInterval(timer);
      const seconds = (performance.now() - start) / 1_000;
      let [runs, longest] = [0, 0];
      await until(async () => {
        [runs, longest] = [0, 0];
        for await (const run of new Client({ connection, dataConverter: unread }).workflow.list({
          query: `WorkflowId = '${idIn(told)}'`,
        })) {
          runs += 1;
          longest = Math.max(longest, run.historyLength);
        }
        if (runs === 0) throw new Error('Temporal lists no run of the batch yet');
      });
      return { recipients: many, seconds, grownMiB: (most - before) / mebibyte, runs, longest };
    }
  });
}
