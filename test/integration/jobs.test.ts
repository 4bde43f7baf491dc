import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { newJobId } from '../../src/jobs/ids.ts';
import type { Job } from '../../src/jobs/job.ts';
import { eventually } from '../support/eventually.ts';
import { reply, startMailServer } from '../support/mail-server.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let mail: Awaited<ReturnType<typeof startMailServer>>;
/** What the mail server says to RCPT TO; an address that is not here is taken. */
const refusals = new Map<string, Error>();

beforeAll(async () => {
  mail = await startMailServer({
    onRcptTo({ address }, _session, callback) {
      callback(refusals.get(address));
    },
  });
  system = await startSystem({ taskQueue: 'test-jobs', smtpUrl: `smtp://127.0.0.1:${String(mail.port)}` });
});
afterAll(async () => {
  await system.close();
  await mail.close();
});
beforeEach(() => {
  refusals.clear();
});

const emailTo = (...to: string[]) => ({ to, subject: 'Hello', text: 'Hi' });
const mailTo = (address: string) => mail.received.filter(({ recipients }) => recipients.includes(address));

async function untilStatus(id: string, status: Job['status']): Promise<Job> {
  return eventually(async () => {
    const job = await system.jobs.get('acme', id);
    expect(job).toMatchObject({ status });
    return job as Job;
  });
}

function expectSensibleTimes({ createdAt, startedAt, finishedAt }: Job): void {
  expect(startedAt?.getTime()).toBeGreaterThanOrEqual(createdAt.getTime());
  expect(finishedAt?.getTime()).toBeGreaterThanOrEqual(startedAt?.getTime() ?? Infinity);
  expect(finishedAt?.getTime()).toBeLessThanOrEqual(Date.now() + 1_000);
}

describe('an e-mail', () => {
  test('is delivered, and the job tells the reply of the server', async () => {
    const { started, job } = await system.submit('email', { ...emailTo('ada@example.com'), html: '<p>Hi</p>' });
    expect([started, job.status]).toEqual([true, 'queued']);
    const done = await untilStatus(job.id, 'completed');
    expect(done).toMatchObject({
      id: job.id,
      type: 'email',
      workflow: 'sendEmail',
      createdAt: job.createdAt,
      attempt: 1,
      progress: null,
      error: null,
      result: {
        messages: [
          { recipient: 'ada@example.com', status: 'sent', response: '250 taken', messageId: expect.stringMatching(/^<.+@example\.org>$/) },
        ],
      },
    });
    expectSensibleTimes(done);
    expect(mailTo('ada@example.com')).toHaveLength(1);
    // A finished job never changes: the second look comes from memory and says the same.
    expect(await system.jobs.get('acme', job.id)).toEqual(done);
  });

  test('that is refused for now is tried again, says why, and is delivered once it is taken', async () => {
    refusals.set('later@example.com', reply(451, '4.3.0 Out of memory, come back'));
    const { job } = await system.submit('email', emailTo('later@example.com'));
    const retrying = await untilStatus(job.id, 'retrying');
    expect(retrying.error).toMatchObject({ code: 'mail_refused_for_now', message: expect.stringContaining('Out of memory, come back') });
    expect(retrying.attempt).toBeGreaterThanOrEqual(2);
    expect(retrying).toMatchObject({ finishedAt: null, result: null, startedAt: expect.any(Date) });
    refusals.clear();
    const done = await untilStatus(job.id, 'completed');
    expect(done).toMatchObject({ error: null, result: { messages: [{ recipient: 'later@example.com' }] } });
    expect(done.attempt).toBeGreaterThanOrEqual(2);
    expect(mailTo('later@example.com')).toHaveLength(1);
  });

  test("that is refused for good fails at once, with the server's reply", async () => {
    refusals.set('gone@example.com', reply(550, '5.1.1 No such user here'));
    const { job } = await system.submit('email', emailTo('gone@example.com'));
    const failed = await untilStatus(job.id, 'failed');
    expect(failed).toMatchObject({
      attempt: 1,
      result: null,
      error: {
        code: 'recipient_rejected',
        message: expect.stringContaining('No such user here'),
        details: { messages: [{ recipient: 'gone@example.com', status: 'failed' }] },
      },
    });
    expectSensibleTimes(failed);
  });

  test('reaches the others exactly once when one of three recipients is refused, and the error names each', async () => {
    refusals.set('no@example.com', reply(550, '5.1.1 No such user here'));
    const { job } = await system.submit('email', emailTo('one@example.com', 'no@example.com', 'two@example.com'));
    const failed = await untilStatus(job.id, 'failed');
    expect(failed.error).toMatchObject({
      code: 'recipient_rejected',
      message: expect.stringMatching(/^1 of 3 recipients failed: .*No such user/),
      details: {
        messages: [
          { recipient: 'one@example.com', status: 'sent', response: '250 taken' },
          { recipient: 'no@example.com', status: 'failed', code: 'recipient_rejected', response: expect.stringContaining('No such user') },
          { recipient: 'two@example.com', status: 'sent', response: '250 taken' },
        ],
      },
    });
    expect([mailTo('one@example.com'), mailTo('no@example.com'), mailTo('two@example.com')].map((list) => list.length)).toEqual([1, 0, 1]);
  });

  test('with a large body goes by way of a file, not through Temporal', async () => {
    const body = 'Grüße '.repeat(40_000);
    const { job } = await system.submit('email', { ...emailTo('large@example.com'), text: body });
    await untilStatus(job.id, 'completed');
    expect(mailTo('large@example.com')[0]?.raw.length).toBeGreaterThan(200_000);
    expect(await largestPayload(job.id)).toBeLessThan(64 * 1024);
  });
});

/** In bytes, of all inputs, results and details in the history of a job. */
async function largestPayload(id: string): Promise<number> {
  const sizes = (value: unknown): number[] => {
    if (typeof value !== 'object' || value === null) return [];
    const { payloads } = value as { payloads?: { data?: Uint8Array | null }[] };
    if (Array.isArray(payloads)) return payloads.map(({ data }) => data?.byteLength ?? 0);
    return value instanceof Uint8Array ? [] : Object.values(value).flatMap(sizes);
  };
  const { events } = await system.link.client().workflow.getHandle(id).fetchHistory();
  const all = (events ?? []).flatMap(sizes);
  expect(all.length).toBeGreaterThan(2);
  return Math.max(...all);
}

describe('starting a job', () => {
  test('50 times at once with one id starts exactly one', async () => {
    const starts = await Promise.all(
      Array.from({ length: 50 }, () => system.submit('email', emailTo('once@example.com'), { key: 'once' })),
    );
    expect(starts.filter(({ started }) => started)).toHaveLength(1);
    expect(new Set(starts.map(({ job }) => job.id))).toEqual(new Set([newJobId('email', 'acme', 'once')]));
    await untilStatus(newJobId('email', 'acme', 'once'), 'completed');
    const again = await system.submit('email', emailTo('once@example.com'), { key: 'once' });
    expect(again).toMatchObject({
      started: false,
      job: { status: 'completed', createdAt: starts.find(({ started }) => started)?.job.createdAt },
    });
    expect(mailTo('once@example.com')).toHaveLength(1);
  });

  test('again with another body is refused, also when the first is finished', async () => {
    await system.submit('email', emailTo('key@example.com'), { key: 'reused' });
    const reused = { code: 'idempotency_key_reused', retryable: false };
    await expect(system.submit('email', emailTo('other@example.com'), { key: 'reused' })).rejects.toMatchObject(reused);
    await untilStatus(newJobId('email', 'acme', 'reused'), 'completed');
    await expect(system.submit('email', emailTo('other@example.com'), { key: 'reused' })).rejects.toMatchObject(reused);
    expect(mailTo('other@example.com')).toEqual([]);
  });
});

describe('looking at a job', () => {
  test("of another tenant's is like looking at one that does not exist", async () => {
    const { job } = await system.submit('email', emailTo('mine@example.com'));
    await untilStatus(job.id, 'completed');
    expect(await system.jobs.get('other', job.id)).toBeUndefined();
    for (const id of [
      newJobId('email', 'acme', 'never started'),
      newJobId('fax', 'acme'),
      '',
      'email_',
      `${job.id}/x`,
      job.id.toUpperCase(),
    ])
      expect(await system.jobs.get('acme', id)).toBeUndefined();
  });

  test('that an operator terminated shows that it failed, and how', async () => {
    refusals.set('stuck@example.com', reply(451, 'later'));
    const { job } = await system.submit('email', emailTo('stuck@example.com'));
    await untilStatus(job.id, 'retrying');
    await system.link.client().workflow.getHandle(job.id).terminate('test');
    const failed = await untilStatus(job.id, 'failed');
    expect(failed).toMatchObject({ error: { code: 'terminated' }, result: null });
    expectSensibleTimes(failed);
  });

  test('that was cancelled shows that', async () => {
    refusals.set('cancelled@example.com', reply(451, 'later'));
    const { job } = await system.submit('email', emailTo('cancelled@example.com'));
    await untilStatus(job.id, 'retrying');
    await system.link.client().workflow.getHandle(job.id).cancel();
    const cancelled = await untilStatus(job.id, 'cancelled');
    expect(cancelled).toMatchObject({ error: null, result: { messages: [{ recipient: 'cancelled@example.com', status: 'not_sent' }] } });
    expectSensibleTimes(cancelled);
    expect(mailTo('cancelled@example.com')).toEqual([]);
  });

  test('needs every Task Queue to be served, which can be asked', async () => {
    await eventually(async () => {
      expect(await system.jobs.unservedQueues()).toEqual([]);
    });
  });
});

describe('an upload', () => {
  test('of a photo makes the variants that were asked for', async () => {
    const bytes = await readFile('examples/photo.jpg');
    const variants = [{ name: 'thumb', width: 32, format: 'webp' }];
    const { job } = await system.submit('upload', { variants }, { file: { bytes, name: 'photo.jpg', type: 'image/jpeg' } });
    const done = await untilStatus(job.id, 'completed');
    expect(done.result).toMatchObject({
      file: { name: 'photo.jpg', contentType: 'image/jpeg', size: bytes.length },
      image: { format: 'jpeg', width: expect.any(Number), height: expect.any(Number) },
      variants: [{ name: 'thumb', width: 32, format: 'webp', file: { name: 'photo-thumb.webp', contentType: 'image/webp' } }],
    });
    expectSensibleTimes(done);
    const { variants: made } = done.result as { variants: { file: { id: string } }[] };
    expect(await system.stores.files.find('acme', made[0]?.file.id ?? '')).toMatchObject({ jobId: job.id });
    expect(await system.stores.files.find('other', made[0]?.file.id ?? '')).toBeUndefined();
  });

  test('that is no picture is kept as it is', async () => {
    const { job } = await system.submit('upload', {}, { file: { bytes: 'Dear Ada', name: 'letter.txt', type: 'text/plain' } });
    expect((await untilStatus(job.id, 'completed')).result).toMatchObject({
      file: { contentType: 'text/plain' },
      image: null,
      variants: [],
    });
  });
});

interface ReportResult {
  rows: number;
  files: { id: string; format: string; sha256: string }[];
}

describe('a report', () => {
  const outputs = [{ format: 'csv' }, { format: 'xlsx' }];
  const uploaded = async (bytes: string) => {
    const { job } = await system.submit('upload', {}, { file: { bytes, name: 'data.csv', type: 'text/csv' } });
    const { file } = (await untilStatus(job.id, 'completed')).result as { file: { id: string } };
    return file.id;
  };

  test('is made of rows in the request', async () => {
    const { job } = await system.submit('report', {
      title: 'Sales',
      source: { rows: [{ city: 'Oslo', sum: 12.5 }, { city: '=1+1' }] },
      outputs,
    });
    const done = await untilStatus(job.id, 'completed');
    const result = done.result as ReportResult;
    expect(result).toMatchObject({ rows: 2, files: [{ name: 'Sales.csv' }, { name: 'Sales.xlsx' }] });
    expect(await text(system.stores.files.read(result.files[0] ?? { sha256: '' }))).toBe("city,sum\r\nOslo,12.5\r\n'=1+1,\r\n");
    expectSensibleTimes(done);
  });

  test('is made of an uploaded CSV', async () => {
    const fileId = await uploaded('city,sum\nOslo,12.5\nBergen,7\n');
    const { job } = await system.submit('report', { title: 'Sales', source: { fileId }, outputs });
    const result = (await untilStatus(job.id, 'completed')).result as ReportResult;
    expect(result.rows).toBe(2);
    expect(await text(system.stores.files.read(result.files[0] ?? { sha256: '' }))).toBe('city,sum\r\nOslo,12.5\r\nBergen,7\r\n');
  });

  test('of a broken CSV fails at once and names the line', async () => {
    const fileId = await uploaded('city,sum\nOslo,12.5\nBergen\n');
    const { job } = await system.submit('report', { title: 'Sales', source: { fileId }, outputs });
    const failed = await untilStatus(job.id, 'failed');
    expect(failed).toMatchObject({
      attempt: 1,
      result: null,
      error: { code: 'source_unreadable', message: expect.stringContaining('line 3') },
    });
  });

  test('of 5,000 rows goes by way of a file, not through Temporal', async () => {
    const rows = Array.from({ length: 5_000 }, (_, i) => ({ n: i, name: `Name ${String(i)}`, note: 'x'.repeat(50) }));
    const { job } = await system.submit('report', { title: 'Large', source: { rows }, outputs });
    expect((await untilStatus(job.id, 'completed')).result).toMatchObject({ rows: 5_000 });
    expect(await largestPayload(job.id)).toBeLessThan(64 * 1024);
  });
});
