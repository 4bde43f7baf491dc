import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Worker } from '@temporalio/worker';

import type { JobOptions } from '../../src/jobs/options.ts';
import { eventually } from '../support/eventually.ts';
import { actionsOf, codesOf, until } from '../support/explanations.ts';
import { reply, startMailServer } from '../support/mail-server.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

let mail: Awaited<ReturnType<typeof startMailServer>>;
/** What the mail server says to RCPT TO; an address that is not here is taken. */
const refusals = new Map<string, Error>();

const queue = (name: string) => `test-explain-${name}`;
const smtpUrl = () => `smtp://127.0.0.1:${String(mail.port)}`;
const emailTo = (to: string) => ({ to: [to], subject: 'Hello', text: 'Hi' });

async function submit(system: TestSystem, to = 'ada@example.com', options: JobOptions = {}): Promise<string> {
  return (await system.submit('email', emailTo(to), { options })).job.id;
}

beforeAll(async () => {
  mail = await startMailServer({
    onRcptTo({ address }, _session, callback) {
      callback(refusals.get(address));
    },
  });
});
afterAll(() => mail.close());
beforeEach(() => {
  refusals.clear();
});

describe('with workers for everything', () => {
  let system: TestSystem;
  beforeAll(async () => {
    system = await startSystem({ taskQueue: queue('all'), smtpUrl: smtpUrl() });
  });
  afterAll(() => system.close());

  test('a finished job is told to be finished, and a failed one why', async () => {
    const done = await until(system, await submit(system), 'completed', 'completed');
    expect(done).toMatchObject({ stuck: false, because: [{ facts: { finishedAt: expect.stringMatching(/Z$/) } }] });
    refusals.set('no@example.com', reply(550, '5.1.1 No such user here'));
    const failed = await until(system, await submit(system, 'no@example.com'), 'failed', 'failed');
    expect(failed.because).toHaveLength(1);
    expect(failed.reason).toMatchObject({
      text: expect.stringContaining('No such user here'),
      facts: { error: { code: 'recipient_rejected', message: expect.stringContaining('No such user here') } },
    });
  });

  test('a job that starts in three hours says when, and until when it must have begun', async () => {
    const id = await submit(system, 'ada@example.com', { delaySeconds: 3 * 3600, ttlSeconds: 600 });
    const explanation = await until(system, id, 'scheduled', 'starts_later');
    const job = await system.jobs.get('acme', id);
    expect(codesOf(explanation)).toEqual(['starts_later', 'expires']);
    expect(explanation.reason.text).toBe(`The job is to start at ${String(job?.startAt?.toISOString())}, in about 3 h.`);
    expect(explanation.because[1]?.facts['expiresAt']).toBe(job?.expiresAt?.toISOString());
    expect(actionsOf(explanation)).toEqual(['edit', 'cancel']);
    await system.jobs.cancel('acme', id);
    expect((await until(system, id, 'cancelled', 'cancelled')).because).toHaveLength(1);
  });

  test('a retrying job waits for attempt 4 at a time, after `421 try later`; an operator may hold it back', async () => {
    refusals.set('later@example.com', reply(421, 'try later'));
    const id = await submit(system, 'later@example.com', {
      retry: { initialIntervalSeconds: 0.2, backoffCoefficient: 20, maximumIntervalSeconds: 3600 },
    });
    // The waits are 0.2 s, 4 s and 80 s.
    const waiting = await eventually(async () => {
      const explanation = await until(system, id, 'retrying', 'waiting_for_retry');
      expect(explanation.reason.facts['attempt']).toBe(4);
      return explanation;
    });
    const at = (await system.jobs.get('acme', id))?.nextAttemptAt?.toISOString();
    expect(waiting.reason.facts).toMatchObject({
      step: 'deliverEmail',
      count: 1,
      maximumAttempts: null,
      nextAttemptAt: at,
      lastError: { code: 'mail_refused_for_now', message: expect.stringContaining('421 try later') },
    });
    expect(waiting.reason.text).toMatch(
      new RegExp(`^The step deliverEmail waits for attempt 4 at ${String(at).replaceAll('.', '\\.')} after: .*421 try later`),
    );
    expect(codesOf(waiting)).toEqual(['waiting_for_retry']);
    expect(actionsOf(waiting)).toEqual(['retry', 'cancel']);

    const { workflowService } = system.link.client();
    const activity = { namespace: 'default', execution: { workflowId: id }, id: '1', identity: 'operator' };
    await workflowService.pauseActivity({ ...activity, reason: 'wait' });
    const paused = await until(system, id, 'retrying', 'step_paused');
    expect(codesOf(paused)).toEqual(['step_paused']);
    expect(actionsOf(paused)).toEqual([{ command: `temporal activity unpause --workflow-id ${id} --activity-id 1` }]);
    refusals.clear();
    await workflowService.unpauseActivity(activity);
    await until(system, id, 'completed', 'completed');
  });

  test('a dead letter says since when it is parked, why, and how often it may be retried', async () => {
    refusals.set('full@example.com', reply(452, '4.2.2 Mailbox full'));
    const id = await submit(system, 'full@example.com', { retry: { maximumAttempts: 1 } });
    const first = await until(system, id, 'dead_lettered', 'parked');
    const dead = (await system.jobs.get('acme', id))?.deadLetter;
    expect(first.reason).toMatchObject({
      text: expect.stringContaining(`since ${String(dead?.since.toISOString())}`),
      facts: {
        step: 'deliverEmail',
        reasonClass: 'transient',
        attempts: 1,
        redrives: 0,
        redrivesLeft: 10,
        closesAt: dead?.closesAt.toISOString(),
        error: { code: 'mail_refused_for_now', message: expect.stringContaining('Mailbox full') },
      },
    });
    expect(actionsOf(first)).toEqual(['retry', 'discard']);
    await system.jobs.retry('acme', id);
    await eventually(async () => {
      expect((await until(system, id, 'dead_lettered', 'parked')).reason.facts).toMatchObject({ redrives: 1, redrivesLeft: 9 });
    });
    await system.jobs.discard('acme', id, {});
    await until(system, id, 'failed', 'failed');
  });

  test('a paused Task Queue, and a limited one, are told as such', async () => {
    const { workflowService } = system.link.client();
    const limit = (requestsPerSecond?: number) =>
      workflowService.updateTaskQueueConfig({
        namespace: 'default',
        identity: 'operator',
        taskQueue: queue('all-report'),
        // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- TaskQueueType is in a package of the SDK's own
        taskQueueType: 2,
        updateQueueRateLimit: { ...(requestsPerSecond !== undefined && { rateLimit: { requestsPerSecond } }), reason: 'test' },
      });
    await limit(0);
    const report = { title: 'Sales', source: { rows: [{ city: 'Oslo' }] }, outputs: [{ format: 'csv' }] };
    const { id } = (await system.submit('report', report)).job;
    const paused = await until(system, id, 'queued', 'queue_paused');
    expect(codesOf(paused)).toEqual(['queue_paused']);
    expect(paused.reason.facts).toMatchObject({ taskQueue: queue('all-report'), step: 'renderReport', since: expect.stringMatching(/Z$/) });
    expect(actionsOf(paused)).toEqual([
      {
        command: `temporal task-queue config set --task-queue ${queue('all-report')} --task-queue-type activity --queue-rps-limit default`,
      },
    ]);
    await limit(0.000_1);
    const limited = await until(system, id, 'queued', 'queue_rate_limited');
    expect(limited.reason.facts).toMatchObject({ tasksPerSecond: 0.000_1 });
    await limit();
    await until(system, id, 'completed', 'completed');
  });

  test("an unknown job and another tenant's are not explained", async () => {
    const id = await submit(system);
    expect(await system.jobs.explain('other', id)).toBeUndefined();
    expect(await system.jobs.explain('acme', `${id.slice(0, -4)}aaaa`)).toBeUndefined();
    expect(await system.jobs.explain('acme', 'nonsense')).toBeUndefined();
  });
});

describe('without any worker', () => {
  let system: TestSystem;
  beforeAll(async () => {
    system = await startSystem({ taskQueue: queue('none'), smtpUrl: smtpUrl(), only: [] });
  });
  afterAll(() => system.close());

  test('a job waits for one, also after it was cancelled; a deadline is told while it lies ahead, and once it has passed', async () => {
    const id = await submit(system, 'ada@example.com', { ttlSeconds: 3600 });
    const waiting = await until(system, id, 'queued', 'no_worker');
    expect(codesOf(waiting)).toEqual(['no_worker', 'expires']);
    expect(waiting.reason.facts).toEqual({
      taskQueue: queue('none'),
      waitingSince: expect.stringMatching(/Z$/),
      lastPolledAt: null,
    });
    expect(actionsOf(waiting)).toEqual([{ command: 'handoff worker' }]);
    await system.jobs.cancel('acme', id);
    expect(codesOf(await until(system, id, 'cancelling', 'cancelling_waits_for_worker'))).toEqual([
      'no_worker',
      'cancelling_waits_for_worker',
    ]);

    const short = await submit(system, 'ada@example.com', { ttlSeconds: 1 });
    const late = await until(system, short, 'expired', 'expired_unstarted');
    expect(codesOf(late)).toEqual(['expired_unstarted', 'no_worker']);
  });

  test('a job whose workflow code throws is running, and stuck for a reason that is told without the text of the error', async () => {
    const workflowsPath = fileURLToPath(new URL('../support/throwing-workflows/index.ts', import.meta.url));
    const worker = await Worker.create({ connection: await system.link.connected, taskQueue: queue('none'), workflowsPath });
    const running = worker.run();
    try {
      const id = await submit(system);
      const stuck = await until(system, id, 'running', 'stuck_workflow_task');
      expect(stuck.stuck).toBe(true);
      const job = await system.jobs.get('acme', id);
      expect(job).toMatchObject({ status: 'running', stuck: { reason: expect.stringContaining('code of the workflow') } });
      expect(stuck.because).toEqual([
        {
          code: 'stuck_workflow_task',
          text: expect.stringContaining(String(job?.stuck?.reason)),
          facts: { reason: job?.stuck?.reason, attempt: expect.any(Number), since: expect.stringMatching(/Z$/) },
        },
      ]);
      expect(JSON.stringify([job, stuck])).not.toContain('secret');
    } finally {
      worker.shutdown();
      await running;
    }
  });
});
