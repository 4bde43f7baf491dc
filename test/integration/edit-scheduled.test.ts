import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { attributeValues, descriptionOf, untilAfter, untilStatus } from '../support/observe.ts';
import { patchOver } from '../support/patch.ts';
import { picture } from '../support/pictures.ts';
import { startSlowMailServer } from '../support/slow-mail-server.ts';
import { startSystem, type TestApiProcess, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let api: TestApiProcess;
let key: string;
let mail: Awaited<ReturnType<typeof startSlowMailServer>>;

beforeAll(async () => {
  mail = await startSlowMailServer();
  system = await startSystem({ taskQueue: 'test-edit', smtpUrl: mail.url });
  api = await system.startApi();
  key = await api.keyOf('acme');
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
const patch = (id: string, body: object) => patchOver(api.url, key, id, body);

describe('PATCH of a scheduled job', () => {
  test('puts it off, and brings it forward: 0 seconds is now', async () => {
    const { job } = await system.submit('email', emailTo('moved@example.com'), { options: { delaySeconds: 4 } });
    const later = await patch(job.id, { options: inAnHour });
    expect(later).toMatchObject({ status: 200, body: { id: job.id, status: 'scheduled', startedAt: null } });
    expect(Date.parse(later.body.startAt ?? '')).toBeGreaterThan(Date.now() + 3_000_000);
    await untilAfter(job.startAt && new Date(job.startAt.getTime() + 1_000));
    expect(await system.jobs.get('acme', job.id)).toMatchObject({ status: 'scheduled', startedAt: null });
    expect(mail.mailTo('moved@example.com')).toEqual([]);

    const now = await patch(job.id, { options: { delaySeconds: 0 } });
    expect(now.status).toBe(200);
    const done = await untilStatus(system, job.id, 'completed');
    expect(done.startAt?.toISOString()).toBe(now.body.startAt);
    expect(done.startedAt?.getTime()).toBeGreaterThanOrEqual(done.startAt?.getTime() ?? Infinity);
    expect(mail.mailTo('moved@example.com')).toHaveLength(1);
    expect(await attributeValues(system, job.id, 'HandoffState')).toBeUndefined();
  });

  test('replaces what an e-mail says and whom it is sent to', async () => {
    const { job } = await system.submit('email', emailTo('before@example.com'), { options: inAnHour });
    const body = { ...emailTo('after@example.com', 'also@example.com'), subject: 'Changed' };
    expect(await patch(job.id, { request: body })).toMatchObject({
      status: 200,
      body: { status: 'scheduled', startAt: job.startAt?.toISOString() },
    });
    const large = { ...body, text: 'Grüße '.repeat(20_000) };
    expect(await patch(job.id, { request: large, options: { delaySeconds: 0 } })).toMatchObject({ status: 200 });
    const { result } = await untilStatus(system, job.id, 'completed');
    expect(result).toMatchObject({ messages: [{ recipient: 'after@example.com' }, { recipient: 'also@example.com' }] });
    expect(mail.mailTo('after@example.com')).toEqual([expect.stringMatching(/^Subject: Changed\r$/m)]);
    expect(mail.mailTo('after@example.com')[0]?.length).toBeGreaterThan(100_000);
    expect(mail.mailTo('before@example.com')).toEqual([]);
  });

  test('replaces copies, attachments and headers of an e-mail', async () => {
    const { job } = await system.submit(
      'email',
      { ...emailTo('first@example.com'), attachments: [{ name: 'old.txt', content: 'b2xk' }] },
      { options: inAnHour },
    );
    const request = {
      ...emailTo('second@example.com'),
      cc: [{ name: 'Bob', address: 'copy@example.com' }],
      headers: { 'X-Order': '43' },
      attachments: [{ name: 'new.txt', content: 'bmV3' }],
    };
    expect(await patch(job.id, { request, options: { delaySeconds: 0 } })).toMatchObject({ status: 200 });
    const { result } = await untilStatus(system, job.id, 'completed');
    expect(result).toMatchObject({ messages: [{ recipient: 'second@example.com' }, { recipient: 'copy@example.com' }] });
    for (const recipient of ['second@example.com', 'copy@example.com']) {
      const [message = ''] = mail.mailTo(recipient);
      expect(message).toMatch(/^X-Order: 43\r$/m);
      expect(message).toMatch(/^Cc: Bob <copy@example\.com>\r$/m);
      expect([message.includes('bmV3'), message.includes('b2xk')]).toEqual([true, false]);
    }
    expect(await patch(job.id, { request: { ...request, attachments: [{ fileId: 'file_x' }] } })).toMatchObject({ status: 409 });
  });

  test('replaces what a report is made of', async () => {
    const report = { title: 'Old', source: { rows: [{ city: 'Oslo' }] }, outputs: [{ format: 'csv' }, { format: 'xlsx' }] };
    const { job } = await system.submit('report', report, { options: inAnHour });
    const changed = { title: 'New', source: { rows: [{ city: 'Rome' }, { city: 'Bern' }] }, outputs: [{ format: 'csv' }] };
    expect(await patch(job.id, { request: changed, options: { delaySeconds: 0 } })).toMatchObject({ status: 200 });
    expect((await untilStatus(system, job.id, 'completed')).result).toMatchObject({ rows: 2, files: [{ name: 'New.csv' }] });
  });

  test('replaces what a report is made of, and nothing else: the start time stays', async () => {
    const report = { title: 'Old', source: { rows: [{ city: 'Oslo' }] }, outputs: [{ format: 'csv' }] };
    const { job } = await system.submit('report', report, { options: inAnHour });
    const startAt = job.startAt?.toISOString();
    expect(await patch(job.id, { request: { ...report, title: 'New' } })).toMatchObject({
      status: 200,
      body: { status: 'scheduled', startAt },
    });
    expect(await patch(job.id, { options: { delaySeconds: 0 } })).toMatchObject({ status: 200 });
    expect((await untilStatus(system, job.id, 'completed')).result).toMatchObject({ files: [{ name: 'New.csv' }] });
  });

  test("replaces an upload's variants; its file stays", async () => {
    const file = { bytes: await picture(40, 20).png().toBuffer(), name: 'photo.png', type: 'image/png' };
    const { job } = await system.submit('upload', {}, { file, options: inAnHour });
    const variants = [{ name: 'tiny', width: 10, format: 'png' }];
    expect(await patch(job.id, { request: { variants }, options: { delaySeconds: 0 } })).toMatchObject({ status: 200 });
    expect((await untilStatus(system, job.id, 'completed')).result).toMatchObject({
      file: { name: 'photo.png', size: file.bytes.length },
      variants: [{ name: 'tiny', width: 10, height: 5 }],
    });
  });

  test('changes labels, priority and expiry, and what is left out stays', async () => {
    const options = { ...inAnHour, labels: { order: '42' }, priority: 5, ttlSeconds: 600 };
    const { job } = await system.submit('email', emailTo('options@example.com'), { options });
    const labelsBefore = await attributeValues(system, job.id, 'HandoffLabels');
    expect(labelsBefore).toHaveLength(1);
    const startAt = job.startAt?.toISOString();
    const expiresAt = (seconds: number) => new Date((job.startAt?.getTime() ?? 0) + seconds * 1000).toISOString();

    const changed = await patch(job.id, { options: { labels: { order: '43', shop: 'north' }, priority: 1 } });
    const stays = { status: 'scheduled', startAt };
    expect(changed.body).toMatchObject({ ...stays, labels: { order: '43', shop: 'north' }, priority: 1, expiresAt: expiresAt(600) });
    const labels = await attributeValues(system, job.id, 'HandoffLabels');
    expect(labels).toHaveLength(2);
    expect(labels).not.toEqual(expect.arrayContaining(labelsBefore ?? []));
    expect((await patch(job.id, { options: { ttlSeconds: 900 } })).body).toMatchObject({
      ...stays,
      priority: 1,
      expiresAt: expiresAt(900),
    });
    expect((await patch(job.id, { options: { ttlSeconds: null, labels: {} } })).body).toMatchObject({
      ...stays,
      labels: {},
      expiresAt: null,
    });
    expect(await attributeValues(system, job.id, 'HandoffLabels')).toBeUndefined();
    await patch(job.id, { options: { delaySeconds: 0 } });
    await untilStatus(system, job.id, 'completed');
    expect(mail.mailTo('options@example.com')).toHaveLength(1);
  });

  test('gives the new priority to the first step already, and the tenant stays its fairness key', async () => {
    const { job } = await system.submit('email', emailTo('urgent@example.com'), { options: { ...inAnHour, priority: 5 } });
    expect(await patch(job.id, { options: { priority: 1, delaySeconds: 0 } })).toMatchObject({ status: 200, body: { priority: 1 } });
    await untilStatus(system, job.id, 'completed');
    const { events } = await system.link.client().workflow.getHandle(job.id).fetchHistory();
    const priorities = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
      scheduled ? [scheduled.priority] : [],
    );
    expect(priorities).toMatchObject([{ priorityKey: 1 }]);
    expect((await descriptionOf(system, job.id)).raw.workflowExecutionInfo?.priority).toMatchObject({
      priorityKey: 1,
      fairnessKey: 'acme',
    });
  });

  test('at the same time by several takes effect field by field', async () => {
    const { job } = await system.submit('email', emailTo('nobody@example.com'), { options: inAnHour });
    const startAt = new Date(Date.now() + 7_200_000).toISOString();
    const answers = await Promise.all([
      patch(job.id, { options: { startAt } }),
      patch(job.id, { options: { priority: 2 } }),
      patch(job.id, { options: { labels: { a: '1' } } }),
      patch(job.id, { options: { ttlSeconds: 60 } }),
      patch(job.id, { request: emailTo('somebody@example.com') }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(await system.jobs.get('acme', job.id)).toMatchObject({
      status: 'scheduled',
      startAt: new Date(startAt),
      expiresAt: new Date(Date.parse(startAt) + 60_000),
      priority: 2,
      labels: { a: '1' },
    });
    await patch(job.id, { options: { delaySeconds: 0 } });
    await untilStatus(system, job.id, 'completed');
    expect([mail.mailTo('nobody@example.com'), mail.mailTo('somebody@example.com')].map((list) => list.length)).toEqual([0, 1]);
  });

  test('never runs it twice', async () => {
    const { job } = await system.submit('email', emailTo('once@example.com'), { options: inAnHour });
    const answers = await Promise.all(Array.from({ length: 8 }, () => patch(job.id, { options: { delaySeconds: 0, priority: 1 } })));
    const statuses = answers.map(({ status }) => status);
    expect(statuses).toContain(200);
    expect(statuses.filter((status) => status !== 200 && status !== 409)).toEqual([]);
    await untilStatus(system, job.id, 'completed');
    expect(mail.mailTo('once@example.com')).toHaveLength(1);
  });

  test('is refused once it has begun, has ended or has no start time, and for every tenant but its own', async () => {
    mail.heldRecipients.add('begun@example.com');
    const { job: begun } = await system.submit('email', emailTo('begun@example.com'), { options: { delaySeconds: 1 } });
    const { job: atOnce } = await system.submit('email', emailTo('begun@example.com'));
    for (const { id } of [begun, atOnce]) {
      await untilStatus(system, id, 'running');
      expect(await patch(id, { options: inAnHour })).toMatchObject({ status: 409, body: { code: 'job_not_scheduled' } });
    }
    mail.heldRecipients.clear();
    for (const { id } of [begun, atOnce]) {
      await untilStatus(system, id, 'completed');
      expect(await patch(id, { options: { priority: 1 } })).toMatchObject({ status: 409, body: { code: 'job_not_scheduled' } });
    }
    expect(mail.mailTo('begun@example.com')).toHaveLength(2);

    const { job: foreign } = await system.submit('email', emailTo('foreign@example.com'), { tenant: 'other', options: inAnHour });
    expect(await patch(foreign.id, { options: { delaySeconds: 0 } })).toMatchObject({ status: 404, body: { code: 'not_found' } });
    await system.jobs.cancel('other', foreign.id);
  });

  test('that a worker takes and the workflow refuses is refused, too: the api may have looked too early', async () => {
    mail.heldRecipients.add('refused@example.com');
    const { job } = await system.submit('email', emailTo('refused@example.com'), { options: inAnHour });
    const edit = system.jobs.edit('acme', job.id, async () => {
      // Meanwhile somebody else lets it begin.
      expect(await patch(job.id, { options: { delaySeconds: 0 } })).toMatchObject({ status: 200 });
      await untilStatus(system, job.id, 'running');
      return { memo: {}, priority: 5 };
    });
    await expect(edit).rejects.toMatchObject({ code: 'job_not_scheduled' });
    expect((await descriptionOf(system, job.id)).raw.workflowExecutionInfo?.priority?.priorityKey).toBe(3);
    mail.heldRecipients.clear();
    await untilStatus(system, job.id, 'completed');
  });
});
