import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import type { AppError } from '../../src/errors.ts';
import type { Job } from '../../src/jobs/job.ts';
import { eventually } from '../support/eventually.ts';
import { reply } from '../support/mail-server.ts';
import { emailTo, held, startFailingSystem, twoAttempts } from '../support/parking.ts';

type FailingSystem = Awaited<ReturnType<typeof startFailingSystem>>;

let system: FailingSystem;

beforeAll(async () => {
  system = await startFailingSystem('test-dead-letters');
  await system.startWorker();
});
afterAll(() => system.close());
beforeEach(() => {
  system.refusals.clear();
  system.broken.clear();
});

const later = reply(451, '4.7.1 Come back later');
const thirtyDays = 30 * 86_400_000;

describe('a job whose retries are used up', () => {
  test('is parked: it says which step failed, why, how often, since when and until when', async () => {
    const parked = await system.park('parked@example.com', later);
    const error = { code: 'mail_refused_for_now', message: expect.stringContaining('4.7.1 Come back later') };
    expect(parked).toMatchObject({
      status: 'dead_lettered',
      attempt: 2,
      finishedAt: null,
      nextAttemptAt: null,
      error,
      deadLetter: { step: 'deliverEmail', reasonClass: 'transient', attempts: 2, redrives: 0, error },
      result: { messages: [{ recipient: 'parked@example.com', status: 'not_sent', code: 'mail_refused_for_now' }] },
    });
    const { since, closesAt } = parked.deadLetter as NonNullable<Job['deadLetter']>;
    expect(since.getTime()).toBeGreaterThanOrEqual(parked.createdAt.getTime());
    expect(closesAt.getTime() - since.getTime()).toBe(thirtyDays);
    expect(await system.stepsOf(parked.id)).toEqual(['deliverEmail']);
  });

  test('by an error that we do not know is parked as unexpected, and no text of that error is shown', async () => {
    system.broken.set('Unknown.csv', new Error('password=hunter2'));
    const request = { title: 'Unknown', source: { rows: [{ a: 1 }] }, outputs: [{ format: 'csv' }] };
    const { job } = await system.submit('report', request, { options: twoAttempts });
    const parked = await system.untilStatus(job.id, 'dead_lettered');
    expect(parked.deadLetter).toMatchObject({
      step: 'renderReport',
      reasonClass: 'unexpected',
      attempts: 2,
      error: { code: 'job_failed' },
    });
    const { memo } = await system.handle(job.id).describe();
    expect(JSON.stringify([parked, memo])).not.toContain('hunter2');
    const discarded = await finished(await system.jobs.discard('acme', job.id, {}), 'failed');
    expect(discarded.error).toMatchObject({ code: 'discarded', message: 'Discarded without a reason.' });
    expect(JSON.stringify(discarded)).not.toContain('hunter2');
  });

  test('is not parked when no retry can help', async () => {
    system.refusals.set('gone@example.com', reply(550, '5.1.1 No such user'));
    const { job } = await system.submit('email', emailTo('gone@example.com'), { options: twoAttempts });
    const failed = await system.untilStatus(job.id, 'failed');
    expect(failed).toMatchObject({ deadLetter: null, error: { code: 'recipient_rejected' } });
    expect(await system.handoffStateOf(job.id)).toBeUndefined();
  });

  test('closes as failed after 30 days without a decision', async () => {
    const parked = await system.park('forgotten@example.com', later);
    await skipTime(parked.id);
    const failed = await system.untilStatus(parked.id, 'failed');
    expect(failed).toMatchObject({
      deadLetter: null,
      error: { code: 'dead_letter_expired', details: { lastError: { code: 'mail_refused_for_now' } } },
      result: { messages: [{ recipient: 'forgotten@example.com', status: 'not_sent' }] },
    });
    const waited = (failed.finishedAt?.getTime() ?? 0) - (parked.deadLetter?.since.getTime() ?? 0);
    expect(Math.abs(waited - thirtyDays)).toBeLessThan(60_000);
    expect(await system.handoffStateOf(parked.id)).toBeUndefined();
  });

  test('fails for good after ten retries by hand', async () => {
    let job = await system.park('poison@example.com', later, { retry: { maximumAttempts: 1 } });
    for (let redrives = 1; redrives <= 10; redrives += 1) {
      expect(job.deadLetter?.redrives).toBe(redrives - 1);
      await system.jobs.retry('acme', job.id);
      if (redrives < 10) job = await parkedAgain(job.id, redrives);
    }
    const failed = await system.untilStatus(job.id, 'failed');
    expect(failed.error).toMatchObject({ code: 'redrive_limit_reached', details: { lastError: { code: 'mail_refused_for_now' } } });
    expect(await system.stepsOf(job.id)).toHaveLength(11);
    expect(await system.handoffStateOf(job.id)).toBeUndefined();
  });
});

describe('a decision about a dead letter', () => {
  test('to discard closes the job as failed, with the reason', async () => {
    const { id } = await system.park('unwanted@example.com', later);
    const failed = await finished(await system.jobs.discard('acme', id, { reason: 'the shop has closed' }), 'failed');
    expect(failed).toMatchObject({
      deadLetter: null,
      error: { code: 'discarded', message: 'the shop has closed', details: { lastError: { code: 'mail_refused_for_now' } } },
      result: { messages: [{ recipient: 'unwanted@example.com', status: 'not_sent' }] },
    });
    expect(await system.handoffStateOf(id)).toBeUndefined();
    await expect(system.jobs.discard('acme', id, {})).rejects.toMatchObject({ code: 'job_not_dead_lettered' });
  });

  test('to cancel ends it cancelled, and says what was sent', async () => {
    system.refusals.set('second@example.com', later);
    const { job } = await system.submit('email', emailTo('first@example.com', 'second@example.com'), { options: twoAttempts });
    await system.untilStatus(job.id, 'dead_lettered');
    const cancelled = await finished(await system.jobs.cancel('acme', job.id), 'cancelled');
    const messages = [
      { recipient: 'first@example.com', status: 'sent' },
      { recipient: 'second@example.com', status: 'not_sent' },
    ];
    expect(cancelled).toMatchObject({ deadLetter: null, error: null, result: { messages } });
    expect(await system.handoffStateOf(job.id)).toBeUndefined();
  });

  test('made five times at once counts once', async () => {
    const { id } = await system.park('eager@example.com', later);
    const { promise, release } = held<Error>();
    system.refusals.set('eager@example.com', promise);
    const answers = await Promise.allSettled(Array.from({ length: 5 }, () => system.jobs.retry('acme', id)));
    const outcomes = answers.map((answer) => (answer.status === 'rejected' ? (answer.reason as AppError).code : 'taken'));
    expect(['taken', 'job_not_retryable']).toEqual(expect.arrayContaining(outcomes));
    expect(outcomes).toContain('taken');
    release(later);
    expect((await parkedAgain(id, 1)).deadLetter).toMatchObject({ redrives: 1, attempts: 2 });
    expect(await system.stepsOf(id)).toHaveLength(2);
  });

  test('never applies to the next failure', async () => {
    const { id } = await system.park('again@example.com', later);
    const { promise, release } = held<Error>();
    system.refusals.set('again@example.com', promise);
    await system.jobs.retry('acme', id);
    await system.untilStatus(id, 'running');
    await expect(system.jobs.discard('acme', id, {})).rejects.toMatchObject({ code: 'job_not_dead_lettered' });
    // While the step runs again …
    await system.handle(id).signal('discardSignal', { reason: 'too late' });
    await system.handle(id).signal('retrySignal');
    release(later);
    await parkedAgain(id, 1);
    // … and when it is parked again, by somebody who had looked before.
    await system.handle(id).signal('discardSignal', { reason: 'much too late', redrives: 0 });
    await system.handle(id).signal('retrySignal', { redrives: 0 });
    await system.jobs.addNote('acme', id, { text: 'read after these', at: new Date().toISOString() });
    await eventually(async () => {
      expect((await system.look(id)).notes).toHaveLength(1);
    });
    expect(await system.look(id)).toMatchObject({ status: 'dead_lettered', deadLetter: { redrives: 1 } });
    expect(await system.stepsOf(id)).toHaveLength(2);
  });

  test('that is typed by hand, with nothing or nonsense beside it, does not harm the job', async () => {
    const { id } = await system.park('hand@example.com', later);
    for (const nonsense of [null, 'word', { text: 7 }]) await system.handle(id).signal('noteSignal', nonsense);
    await system.handle(id).signal('noteSignal', { text: 'from the CLI' });
    await system.handle(id).signal('discardSignal', null);
    const failed = await system.untilStatus(id, 'failed');
    expect(failed).toMatchObject({ error: { code: 'discarded', message: 'Discarded without a reason.' } });
    expect(failed.notes).toEqual([{ text: 'from the CLI', at: expect.any(Date) }]);
  });
});

test('notes on a dead letter: the last 20 are kept, also after a retry', async () => {
  const { id } = await system.park('noted@example.com', later);
  const at = '2026-11-22T12:00:00.000Z';
  for (let number = 1; number <= 22; number += 1) await system.jobs.addNote('acme', id, { text: `note ${String(number)}`, at });
  const notes = Array.from({ length: 20 }, (_none, index) => ({ text: `note ${String(index + 3)}`, at: new Date(at) }));
  await eventually(async () => {
    expect((await system.look(id)).notes).toEqual(notes);
  });
  system.refusals.clear();
  expect(await finished(await system.jobs.retry('acme', id), 'completed')).toMatchObject({ notes });
  await expect(system.jobs.addNote('acme', id, { text: 'too late', at })).rejects.toMatchObject({ code: 'job_not_dead_lettered' });
});

const finished = (job: Job | undefined, status: 'completed' | 'failed' | 'cancelled') => system.untilStatus(job?.id ?? 'none', status);

async function parkedAgain(id: string, redrives: number): Promise<Job> {
  return eventually(
    async () => {
      const job = await system.look(id);
      expect(job.deadLetter).toMatchObject({ redrives });
      return job;
    },
    { every: 50 },
  );
}

/** For this run alone. */
async function skipTime(workflowId: string): Promise<void> {
  const { workflowService, options } = system.link.client();
  await workflowService.updateWorkflowExecutionOptions({
    namespace: options.namespace,
    workflowExecution: { workflowId },
    workflowExecutionOptions: { timeSkippingConfig: { enabled: true } },
    updateMask: { paths: ['time_skipping_config'] },
  });
}
