import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import PostalMime from 'postal-mime';

import type { Job } from '../../src/jobs/job.ts';
import type { ReportResult } from '../../src/jobs/report.ts';
import { eventually } from '../support/eventually.ts';
import { reply, startMailServer } from '../support/mail-server.ts';
import { startSystem, type TestApiProcess, type TestSystem } from '../support/system.ts';

let mail: Awaited<ReturnType<typeof startMailServer>>;
let system: TestSystem;
let api: TestApiProcess;
/** Recipients → what the server says of them. */
const refused = new Map<string, Error>();
/** Files that were written by activities. */
const written: string[] = [];

beforeAll(async () => {
  mail = await startMailServer({
    onRcptTo({ address }, _session, callback) {
      callback(refused.get(address) ?? null);
    },
  });
  system = await startSystem({
    taskQueue: 'test-report-delivery',
    smtpUrl: `smtp://127.0.0.1:${String(mail.port)}`,
    only: ['report', 'email'],
    wrapFiles: (files) => ({
      ...files,
      async stage(bytes, options) {
        const staged = await files.stage(bytes, options);
        return {
          ...staged,
          commit(file) {
            written.push(file.name);
            return staged.commit(file);
          },
        };
      },
    }),
  });
  api = await system.startApi();
});
afterAll(async () => {
  await system.close();
  await mail.close();
});
beforeEach(() => {
  refused.clear();
  mail.received.length = 0;
  written.length = 0;
});

const until = (id: string, status: Job['status']): Promise<Job> =>
  eventually(async () => {
    const job = await system.jobs.get('acme', id);
    expect(job).toMatchObject({ status });
    return job as Job;
  });

const source = { rows: [{ city: 'Oslo', sum: 12.5 }] };
const csv = 'city,sum\r\nOslo,12.5\r\n';
async function report(changes: object, options = {}): Promise<string> {
  const request = { title: 'Sales & more', source, outputs: [{ format: 'csv' }], ...changes };
  return (await system.submit('report', request, { options })).job.id;
}
const resultOf = (job: Job) => job.result as ReportResult;
const received = (address: string) =>
  Promise.all(mail.received.filter(({ recipients }) => recipients.includes(address)).map(({ raw }) => PostalMime.parse(raw)));

describe('a report by e-mail', () => {
  test('that is small is attached, under the name and the type of the file', async () => {
    const email = {
      to: [{ name: 'Ada', address: 'ada@example.com' }, 'bob@example.com'],
      text: 'As every Monday.',
      replyTo: ['help@example.com'],
    };
    const job = await until(await report({ delivery: { email } }), 'completed');
    expect(resultOf(job).delivery).toMatchObject({
      ...{ status: 'delivered', by: 'attachment' },
      emails: [{ recipient: 'ada@example.com', status: 'sent' }, { recipient: 'bob@example.com', status: 'sent' }], // prettier-ignore
    });
    const [one] = await received('ada@example.com');
    expect(one).toMatchObject({
      ...{ subject: 'Sales & more', replyTo: [{ address: 'help@example.com' }] },
      to: [{ name: 'Ada', address: 'ada@example.com' }, { address: 'bob@example.com' }],
      attachments: [{ filename: 'Sales & more.csv', mimeType: 'text/csv' }],
    });
    expect(one?.text).toMatch(/^As every Monday\.\s+Sales & more\.csv \(21 bytes\)\s*$/);
    expect(Buffer.from(one?.attachments[0]?.content as ArrayBuffer).toString()).toBe(csv);
    expect(await received('bob@example.com')).toHaveLength(1);
    expect((await system.stores.deliveries.page(job.id, { limit: 10 })).map(({ state }) => state)).toEqual(['sent', 'sent']);
  });

  test('by links: each is absolute, works without a key as often as it may, and then is used up', async () => {
    const delivery = { email: { to: ['ada@example.com'], attach: 'never' }, links: { maxDownloads: 2, expiresInSeconds: 86_400 } };
    const job = await until(await report({ delivery, retentionDays: 2 }), 'completed');
    const { files, delivery: told } = resultOf(job);
    const left = Date.parse(told?.linksExpireAt ?? '') - Date.now();
    expect(left / 1_000).toBeGreaterThan(86_000);
    expect(left / 1_000).toBeLessThanOrEqual(86_400);
    expect((Date.parse(files[0]?.expiresAt ?? '') - Date.now()) / 86_400_000).toBeCloseTo(2, 1);
    const [one] = await received('ada@example.com');
    const link = /https:\/\/jobs\.example\.org(\/v1\/files\/\S+)/.exec(one?.text ?? '')?.[1] ?? '';
    expect(one?.html).toContain(`href="https://jobs.example.org${link.replace(/&/g, '&#38;')}"`);
    expect(one?.text).toContain('Each file can be downloaded 2 times.');
    for (let taken = 0; taken < 2; taken += 1) expect(await (await fetch(api.url + link)).text()).toBe(csv);
    expect((await fetch(api.url + link)).status).toBe(410);
    expect(await system.stores.files.find('acme', files[0]?.id ?? '')).toMatchObject({ downloads: 2, maxDownloads: 2 });
    expect((await fetch(`${api.url}${link}x`)).status).toBe(404);
  });

  test('that is too large to be attached is linked', async () => {
    const email = { to: ['ada@example.com'], attach: { belowBytes: 10 } };
    expect(resultOf(await until(await report({ delivery: { email } }), 'completed')).delivery).toMatchObject({ by: 'link' });
  });

  test('without rows is sent to nobody when it says so', async () => {
    const delivery = { email: { to: ['ada@example.com'] }, skipIfEmpty: true };
    const query = { sql: 'select * from rows where sum > 100' };
    const job = await until(await report({ delivery, query }), 'completed');
    expect(resultOf(job)).toMatchObject({ rows: 0, files: [{ format: 'csv' }], delivery: { status: 'skipped_empty', emails: [] } });
    const other = await until(await report({ delivery, title: 'Full' }), 'completed');
    expect(resultOf(other).delivery).toMatchObject({ status: 'delivered' });
    expect(mail.received).toHaveLength(1);
  });

  test('a recipient who is refused keeps nobody else from it, and the job says who, and still has the files', async () => {
    refused.set('never@example.com', reply(550, '5.7.1 not wanted'));
    const job = await until(await report({ delivery: { email: { to: ['never@example.com', 'ada@example.com'] } } }), 'failed');
    expect(job.error).toMatchObject({ code: 'mail_rejected', message: expect.stringContaining('1 of 2 recipients failed') as unknown });
    expect(resultOf(job)).toMatchObject({
      files: [{ name: 'Sales & more.csv' }],
      delivery: { status: 'incomplete', emails: [{ status: 'failed', code: 'mail_rejected' }, { status: 'sent' }] },
    });
    expect(await received('ada@example.com')).toHaveLength(1);
  });

  test('that is parked for one recipient goes on with that one: no output is made again, nobody is sent to twice', async () => {
    refused.set('later@example.com', reply(450, '4.2.0 later'));
    const once = { retry: { maximumAttempts: 1 } };
    const id = await report({ delivery: { email: { to: ['later@example.com', 'ada@example.com'] } } }, once);
    const parked = await until(id, 'dead_lettered');
    expect(parked).toMatchObject({ deadLetter: { step: 'deliverEmail' }, result: { rows: 1, delivery: { status: 'incomplete' } } });
    refused.clear();
    await system.jobs.retry('acme', id);
    const job = await until(id, 'completed');
    expect(resultOf(job).delivery?.emails.map(({ status }) => status)).toEqual(['sent', 'sent']);
    expect(written).toEqual(['Sales & more.csv']);
    expect([await received('ada@example.com'), await received('later@example.com')].map(({ length }) => length)).toEqual([1, 1]);
  });
});
