import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';

import { fileIdFor, newJobId } from '../../src/jobs/ids.ts';
import { startWorkers } from '../../src/temporal/workers.ts';
import { eventually } from '../support/eventually.ts';
import { filesBelow } from '../support/files-below.ts';
import { reply } from '../support/mail-server.ts';
import { attributeValues, untilStatus } from '../support/observe.ts';
import { picture } from '../support/pictures.ts';
import { startSlowMailServer } from '../support/slow-mail-server.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let mail: Awaited<ReturnType<typeof startSlowMailServer>>;

beforeAll(async () => {
  mail = await startSlowMailServer();
  system = await startSystem({ taskQueue: 'test-cancel', smtpUrl: mail.url });
});
afterAll(async () => {
  mail.free();
  await system.close();
  await mail.close();
});
beforeEach(() => {
  mail.free();
});

const emailTo = (...to: string[]) => ({ to, subject: 'Hello', text: 'Hi' });
const inAnHour = { delaySeconds: 3_600 };

describe('cancel of a job that waits for its start time', () => {
  test('ends it long before that time, with nothing done', async () => {
    const { job } = await system.submit('email', emailTo('scheduled@example.com'), { options: inAnHour });
    await untilStatus(system, job.id, 'scheduled');
    expect(['cancelling', 'cancelled']).toContain((await system.jobs.cancel('acme', job.id))?.status);
    const cancelled = await untilStatus(system, job.id, 'cancelled');
    expect(cancelled).toMatchObject({ error: null, result: null, deadLetter: null, startAt: job.startAt, startedAt: null });
    expect(cancelled.finishedAt?.getTime()).toBeLessThan(job.startAt?.getTime() ?? 0);
    expect(mail.askedFor('scheduled@example.com')).toEqual([]);
    expect(await attributeValues(system, job.id, 'HandoffState')).toBeUndefined();
  });
});

describe('cancel without a worker', () => {
  test('is noted at once, and ends scheduled and queued jobs with nothing done once a worker comes', async () => {
    const idle = await startSystem({ taskQueue: 'test-cancel-idle', smtpUrl: mail.url, only: [] });
    try {
      const { job: queued } = await idle.submit('email', emailTo('idle-queued@example.com'));
      const { job: scheduled } = await idle.submit('email', emailTo('idle-scheduled@example.com'), { options: inAnHour });
      for (const { id } of [queued, scheduled]) {
        expect(await idle.jobs.cancel('acme', id)).toMatchObject({ status: 'cancelling', finishedAt: null });
        expect(await idle.jobs.cancel('acme', id)).toMatchObject({ status: 'cancelling' });
      }
      await idle.startWorker();
      const nobody = { messages: [{ recipient: 'idle-queued@example.com', status: 'not_sent' }] };
      expect(await untilStatus(idle, queued.id, 'cancelled')).toMatchObject({ result: nobody, error: null });
      expect(await untilStatus(idle, scheduled.id, 'cancelled')).toMatchObject({ result: null, error: null });
      expect([...mail.askedFor('idle-queued@example.com'), ...mail.askedFor('idle-scheduled@example.com')]).toEqual([]);
    } finally {
      await idle.close();
    }
  });

  test('of the kind that its step needs ends the job at once, and says that nobody got anything', async () => {
    const half = await startSystem({ taskQueue: 'test-cancel-half', smtpUrl: mail.url, only: ['report'] });
    try {
      const { job } = await half.submit('email', emailTo('half@example.com'));
      await eventually(async () => {
        const { raw } = await half.link.client().workflow.getHandle(job.id).describe();
        expect(raw.pendingActivities).toHaveLength(1);
      });
      expect((await half.jobs.get('acme', job.id))?.status).toBe('queued');
      await half.jobs.cancel('acme', job.id);
      const { result } = await untilStatus(half, job.id, 'cancelled');
      expect(result).toEqual({ messages: [{ recipient: 'half@example.com', status: 'not_sent' }] });
    } finally {
      await half.close();
    }
  });
});

describe('cancel between two steps', () => {
  test('begins no further step, and tells what was done', async () => {
    const taskQueue = 'test-cancel-between';
    const idle = await startSystem({ taskQueue, smtpUrl: mail.url, only: [] });
    const inspected: string[] = [];
    const inspectImage = ({ file }: { file: { name: string } }) => {
      inspected.push(file.name);
      return Promise.resolve({ format: 'png', width: 64, height: 48 });
    };
    const work = async (what: 'workflows' | 'activities') =>
      startWorkers({
        connection: await idle.link.connected,
        namespace: 'default',
        protection: idle.link.protection,
        taskQueue,
        groups: what === 'activities' ? [{ name: 'upload', activities: { inspectImage }, concurrency: 1 }] : [],
        workflows: what === 'workflows',
        graceSeconds: 1,
        log: () => undefined,
      });
    const pendingActivities = async (id: string) =>
      (await idle.link.client().workflow.getHandle(id).describe()).raw.pendingActivities?.length ?? 0;
    try {
      const bytes = await picture(64, 48).png().toBuffer();
      const { job } = await idle.submit('upload', {}, { file: { bytes, name: 'photo.png', type: 'image/png' } });
      const workflows = await work('workflows');
      await eventually(async () => {
        expect(await pendingActivities(job.id)).toBe(1);
      }).finally(() => workflows.shutdown());
      // The first step ends while no workflow worker is there to begin the second one.
      const activities = await work('activities');
      await eventually(async () => {
        expect(await pendingActivities(job.id)).toBe(0);
      }).finally(() => activities.shutdown());
      expect(await idle.jobs.cancel('acme', job.id)).toMatchObject({ status: 'cancelling' });
      const again = await work('workflows');
      try {
        const { result } = await untilStatus(idle, job.id, 'cancelled');
        expect(result).toMatchObject({ image: { format: 'png', width: 64 }, variants: [] });
        const { events } = await idle.link.client().workflow.getHandle(job.id).fetchHistory();
        expect(events?.filter((event) => event.activityTaskScheduledEventAttributes != null)).toHaveLength(1);
        expect(inspected).toEqual(['photo.png']);
      } finally {
        await again.shutdown();
      }
    } finally {
      await idle.close();
    }
  });
});

describe('cancel of work in progress', () => {
  test('stops the rendering of a report: its temporary file is gone, and there is no file of the cut output', async () => {
    const line = `${'1234567,'.repeat(9)}1\n`;
    const csv = Buffer.from(`a,b,c,d,e,f,g,h,i,j\n${line.repeat(900_000)}`);
    const { job: upload } = await system.submit('upload', {}, { file: { bytes: csv, name: 'rows.csv', type: 'text/csv' } });
    const { result } = await untilStatus(system, upload.id, 'completed');
    const fileId = (result as { file: { id: string } }).file.id;
    const temporary = () => filesBelow(join(system.dataDir, 'files', 'tmp'));
    const blobs = () => filesBelow(join(system.dataDir, 'files', 'blobs'));
    const before = await blobs();

    const { job } = await system.submit('report', { title: 'Long', source: { fileId }, outputs: [{ format: 'xlsx' }] });
    await eventually(
      async () => {
        const running = await system.jobs.get('acme', job.id);
        expect(running).toMatchObject({ status: 'running', progress: { unit: 'rows' } });
        expect(running?.progress?.done).toBeGreaterThan(0);
        expect(await temporary()).toHaveLength(1);
      },
      { every: 50 },
    );
    expect(await system.jobs.cancel('acme', job.id)).toMatchObject({ status: 'cancelling' });
    expect(await untilStatus(system, job.id, 'cancelled')).toMatchObject({ progress: null, error: null, result: { rows: 0, files: [] } });
    expect(await temporary()).toEqual([]);
    expect(await blobs()).toEqual(before);
    expect(await system.stores.files.find('acme', fileIdFor(job.id, 'output xlsx'))).toBeUndefined();
  });

  test('that is already out tells which recipients got their e-mail, also when it is repeated meanwhile', async () => {
    mail.heldRecipients.add('slow@example.com');
    const { job } = await system.submit('email', emailTo('first@example.com', 'slow@example.com', 'third@example.com'));
    await eventually(async () => {
      expect((await system.jobs.get('acme', job.id))?.progress).toEqual({ done: 2, total: 3, unit: 'recipients', stage: 'sending' });
      expect(mail.askedFor('slow@example.com')).toHaveLength(1);
    });
    await Promise.all([system.jobs.cancel('acme', job.id), system.jobs.cancel('acme', job.id)]);
    const { result } = await untilStatus(system, job.id, 'cancelled');
    expect(result).toEqual({
      messages: [
        { recipient: 'first@example.com', status: 'sent', messageId: expect.any(String), response: '250 taken' },
        { recipient: 'slow@example.com', status: 'not_sent' },
        { recipient: 'third@example.com', status: 'sent', messageId: expect.any(String), response: '250 taken' },
      ],
    });
  });

  test('that comes too late lets the job complete', async () => {
    mail.heldMessages.add('late@example.com');
    const { job } = await system.submit('email', emailTo('late@example.com'));
    await eventually(() => {
      expect(mail.complete).toContain('late@example.com');
    });
    expect(await system.jobs.cancel('acme', job.id)).toMatchObject({ status: 'cancelling' });
    // Told, and yet it waits for the reply: the message may be out.
    await eventually(async () => {
      const { raw } = await system.link.client().workflow.getHandle(job.id).describe();
      expect(raw.pendingActivities?.[0]?.state).toBe(3);
    });
    mail.heldMessages.clear();
    expect(await untilStatus(system, job.id, 'completed')).toMatchObject({ result: { messages: [{ status: 'sent' }] }, error: null });
  });
});

describe('cancel of a job that failed', () => {
  test('and waits for the next attempt ends it without another attempt', async () => {
    mail.refusals.set('retry@example.com', reply(451, '4.7.1 Come back later'));
    const options = { retry: { initialIntervalSeconds: 3_600, maximumIntervalSeconds: 3_600 } };
    const { job } = await system.submit('email', emailTo('retry@example.com'), { options });
    await untilStatus(system, job.id, 'retrying');
    await system.jobs.cancel('acme', job.id);
    const cancelled = await untilStatus(system, job.id, 'cancelled');
    expect(cancelled).toMatchObject({ nextAttemptAt: null, error: null });
    expect(cancelled.result).toEqual({ messages: [{ recipient: 'retry@example.com', status: 'not_sent' }] });
    expect(mail.askedFor('retry@example.com')).toHaveLength(1);
  });

  test('and is a dead letter ends it, and it is no dead letter any more', async () => {
    mail.refusals.set('dead@example.com', reply(451, '4.7.1 Come back later'));
    const { job } = await system.submit('email', emailTo('dead@example.com', 'alive@example.com'), {
      options: { retry: { maximumAttempts: 1 } },
    });
    await untilStatus(system, job.id, 'dead_lettered');
    await system.jobs.cancel('acme', job.id);
    const cancelled = await untilStatus(system, job.id, 'cancelled');
    expect(cancelled).toMatchObject({
      deadLetter: null,
      error: null,
      result: {
        messages: [
          { recipient: 'dead@example.com', status: 'not_sent', code: 'mail_refused_for_now' },
          { recipient: 'alive@example.com', status: 'sent' },
        ],
      },
    });
    expect(await attributeValues(system, job.id, 'HandoffState')).toBeUndefined();
  });
});

describe('cancel', () => {
  test('of a finished job is refused, whichever way it ended', async () => {
    mail.refusals.set('gone@example.com', reply(550, '5.1.1 No such user'));
    const { job: completed } = await system.submit('email', emailTo('done@example.com'));
    const { job: failed } = await system.submit('email', emailTo('gone@example.com'));
    const { job: cancelled } = await system.submit('email', emailTo('never@example.com'), { options: inAnHour });
    await system.jobs.cancel('acme', cancelled.id);
    await untilStatus(system, completed.id, 'completed');
    await untilStatus(system, failed.id, 'failed');
    await untilStatus(system, cancelled.id, 'cancelled');
    for (const { id } of [completed, failed, cancelled])
      await expect(system.jobs.cancel('acme', id)).rejects.toMatchObject({ code: 'job_not_cancellable' });
  });

  test('of an unknown job, or of one of another tenant, finds nothing', async () => {
    const { job } = await system.submit('email', emailTo('mine@example.com'), { options: inAnHour });
    expect(await system.jobs.cancel('other', job.id)).toBeUndefined();
    expect(await system.jobs.cancel('acme', newJobId('email', 'acme'))).toBeUndefined();
    expect((await system.jobs.get('acme', job.id))?.status).toBe('scheduled');
    await system.jobs.cancel('acme', job.id);
    await untilStatus(system, job.id, 'cancelled');
  });
});
