import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { createSmtpSender } from '../../src/mail/smtp.ts';
import type { JobOptions } from '../../src/jobs/options.ts';
import { startWorkers, type Workers } from '../../src/temporal/workers.ts';
import { emailActivitiesWith } from '../support/deliveries.ts';
import { eventually } from '../support/eventually.ts';
import { actionsOf, codesOf, laterBy, until, untilCode } from '../support/explanations.ts';
import { startMailServer } from '../support/mail-server.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

let mail: Awaited<ReturnType<typeof startMailServer>>;
/** Recipients that are kept waiting until they are let go. */
const held = new Map<string, () => void>();

const queue = (name: string) => `test-explain-${name}`;
const smtpUrl = () => `smtp://127.0.0.1:${String(mail.port)}`;

async function submit(system: TestSystem, to = 'ada@example.com', options: JobOptions = {}): Promise<string> {
  return (await system.submit('email', { to: [to], subject: 'Hello', text: 'Hi' }, { options })).job.id;
}

beforeAll(async () => {
  mail = await startMailServer({
    onRcptTo({ address }, _session, callback) {
      if (held.has(address)) held.set(address, callback);
      else callback();
    },
  });
});
afterAll(() => mail.close());

describe('with a worker for workflows only', () => {
  let system: TestSystem;
  let workflows: Workers | undefined;
  const steps = queue('some-email');

  async function workers(options: Pick<Parameters<typeof startWorkers>[0], 'groups' | 'workflows'>): Promise<Workers> {
    const connection = await system.link.connected;
    return startWorkers({
      connection,
      namespace: 'default',
      protection: system.link.protection,
      taskQueue: queue('some'),
      graceSeconds: 1,
      log: () => undefined,
      ...options,
    });
  }

  /** A worker that takes one step, and is never heard of again. */
  async function takeStep(): Promise<{ id: string; taskToken: Uint8Array }> {
    const client = system.link.client();
    const task = await client.withDeadline(Date.now() + 60_000, () =>
      client.workflowService.pollActivityTaskQueue({ namespace: 'default', taskQueue: { name: steps }, identity: 'careless' }),
    );
    return { id: task.workflowExecution?.workflowId ?? '', taskToken: task.taskToken };
  }

  /** @returns its token. */
  async function takeStepOf(id: string): Promise<Uint8Array> {
    const taken = await takeStep();
    return taken.id === id ? taken.taskToken : takeStepOf(id);
  }

  beforeAll(async () => {
    system = await startSystem({ taskQueue: queue('some'), smtpUrl: smtpUrl(), only: [] });
  });
  afterAll(async () => {
    await workflows?.shutdown();
    await system.close();
  });

  test('a job that expired is closed by the first worker', async () => {
    const id = await submit(system, 'ada@example.com', { ttlSeconds: 1 });
    await until(system, id, 'expired', 'expired_unstarted');
    workflows = await workers({ groups: [], workflows: true });
    expect((await until(system, id, 'expired', 'expired')).because).toHaveLength(1);
  });

  test('a step waits for a worker that serves its kind, then runs, and is given up when its worker falls silent', async () => {
    const id = await submit(system);
    const waiting = await until(system, id, 'queued', 'no_step_worker');
    expect(codesOf(waiting)).toEqual(['no_step_worker']);
    expect(waiting.reason.facts).toEqual({
      taskQueue: steps,
      step: 'deliverEmail',
      count: 1,
      waitingSince: expect.stringMatching(/Z$/),
      lastPolledAt: null,
    });
    expect(actionsOf(waiting)).toEqual([{ command: 'handoff worker --queues email' }]);

    const taskToken = await takeStepOf(id);
    const running = await until(system, id, 'running', 'running_step');
    expect(running.reason.facts).toMatchObject({ step: 'deliverEmail', attempt: 1, lastHeartbeatAt: null, lastError: null });
    const silent = await untilCode(() => laterBy(system, 12)(id), 'running', 'no_heartbeat');
    const { since, takenBackAt } = silent.reason.facts as { since: string; takenBackAt: string };
    expect(Date.parse(takenBackAt) - Date.parse(since)).toBe(20_000);
    expect(silent.reason.text).toContain(takenBackAt);

    // The e-mail queue has been polled just now. A minute and more later nobody would be left.
    const next = await submit(system);
    await until(system, next, 'queued', 'waiting_for_worker');
    expect((await untilCode(() => laterBy(system, 80)(next), 'queued', 'no_step_worker')).reason.facts['lastPolledAt']).toMatch(/Z$/);
    await system.link.client().workflow.getHandle(next).terminate();
    await system.link.client().workflowService.respondActivityTaskCompleted({ namespace: 'default', taskToken });
    await until(system, id, 'completed', 'completed');
  });

  test('cancelling waits for a step that sends heartbeats, and is not heard by one that sends none', async () => {
    const id = await submit(system);
    const token = await takeStepOf(id);
    await system.link.client().workflowService.recordActivityTaskHeartbeat({ namespace: 'default', taskToken: token });
    await system.jobs.cancel('acme', id);
    const told = await until(system, id, 'cancelling', 'cancelling_waits_for_step');
    expect(told.reason.facts).toMatchObject({ step: 'deliverEmail', heartbeats: true, lastHeartbeatAt: expect.stringMatching(/Z$/) });
    const unheard = await untilCode(() => laterBy(system, 18)(id), 'cancelling', 'cancelling_not_heard');
    expect(unheard.reason.facts).toMatchObject({ heartbeats: true, takenBackAt: expect.stringMatching(/Z$/) });
    // Temporal takes it only once the workflow has passed the request on to its step, which may be a moment later.
    await eventually(() => system.link.client().workflowService.respondActivityTaskCanceled({ namespace: 'default', taskToken: token }));
    await until(system, id, 'cancelled', 'cancelled');
  });

  test('a backlog before a job is told, with the number of those before it', async () => {
    held.set('slow@example.com', () => undefined);
    const sender = createSmtpSender({ url: smtpUrl() });
    const activities = emailActivitiesWith({ mail: sender, ledger: system.stores.deliveries, files: system.stores.files });
    const one = await workers({ groups: [{ name: 'email', activities, concurrency: 1 }], workflows: false });
    try {
      const first = await submit(system, 'slow@example.com');
      await until(system, first, 'running', 'running_step');
      for (const priority of [5, 5, 1, 3, 3, 2]) await submit(system, 'ada@example.com', { priority });
      const last = await submit(system);
      const behind = await eventually(async () => {
        const explanation = await until(system, last, 'queued', 'backlog_ahead');
        expect(explanation.reason.facts).toMatchObject({ taskQueue: steps, step: 'deliverEmail', priority: 3, ahead: 4 });
        return explanation;
      });
      const { estimatedSeconds, tasksPerSecond } = behind.reason.facts as { estimatedSeconds: number | null; tasksPerSecond: number };
      const fits = estimatedSeconds === null ? tasksPerSecond === 0 : Math.abs(estimatedSeconds - 4 / tasksPerSecond) < 2;
      expect({ estimatedSeconds, tasksPerSecond, fits }).toMatchObject({ fits: true });
      expect(actionsOf(behind)).toEqual([{ command: 'handoff worker --queues email' }]);
      const letGo = held.get('slow@example.com');
      held.clear();
      letGo?.();
      await until(system, last, 'completed', 'completed');
    } finally {
      held.clear();
      await one.shutdown();
      await sender.close();
    }
  });

  test('a job between two steps waits for its own code, or for a worker that runs it', async () => {
    const id = await submit(system);
    const token = await takeStepOf(id);
    await workflows?.shutdown();
    workflows = undefined;
    await system.link.client().workflowService.respondActivityTaskCompleted({ namespace: 'default', taskToken: token });
    expect(codesOf(await until(system, id, 'running', 'between_steps'))).toEqual(['between_steps']);
    const gone = await untilCode(() => laterBy(system, 80)(id), 'running', 'no_worker');
    expect(gone.reason.facts).toMatchObject({ taskQueue: queue('some'), lastPolledAt: expect.stringMatching(/Z$/) });
  });
});
