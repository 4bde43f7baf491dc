import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { newJobId } from '../../src/jobs/ids.ts';
import { eventually } from '../support/eventually.ts';
import { startMailServer } from '../support/mail-server.ts';
import { startSystem, type TestApiProcess, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let mail: Awaited<ReturnType<typeof startMailServer>>;
let apis: [TestApiProcess, TestApiProcess];
let key: string;

beforeAll(async () => {
  mail = await startMailServer();
  system = await startSystem({ taskQueue: 'test-idempotency', smtpUrl: `smtp://127.0.0.1:${String(mail.port)}` });
  apis = [await system.startApi(), await system.startApi()];
  key = await apis[0].keyOf('acme');
});
afterAll(async () => {
  await system.close();
  await mail.close();
});

const emailTo = (to: string) => ({ to: [to], subject: 'Hello', text: 'Hi' });
const mailTo = (address: string) => mail.received.filter(({ recipients }) => recipients.includes(address));

interface Answer {
  status: number;
  replayed: string | null;
  body: { id: string; createdAt: string; status: string; code?: string };
}

async function post(url: string, path: string, body: object, idempotencyKey: string, apiKey = key): Promise<Answer> {
  const form = body instanceof FormData;
  const response = await fetch(`${url}/v1${path}`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${apiKey}`,
      'Idempotency-Key': idempotencyKey,
      ...(!form && { 'Content-Type': 'application/json' }),
    },
    body: form ? body : JSON.stringify(body),
  });
  return {
    status: response.status,
    replayed: response.headers.get('Idempotency-Replayed'),
    body: (await response.json()) as Answer['body'],
  };
}

const untilDone = (id: string) =>
  eventually(async () => {
    expect(await system.jobs.get('acme', id)).toMatchObject({ status: 'completed' });
  });

describe('one Idempotency-Key', () => {
  test('in fifty parallel posts to two API processes is one job, fifty equal answers and one e-mail', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        post((apis[index % 2] as TestApiProcess).url, '/emails', emailTo('fifty@example.com'), 'fifty'),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ body }) => `${body.id} ${body.createdAt}`)).size).toBe(1);
    expect(answers.filter(({ replayed }) => replayed === null)).toHaveLength(1);
    await untilDone(answers[0]?.body.id ?? '');
    expect(mailTo('fifty@example.com')).toHaveLength(1);
  });

  test('with another body is refused by every process, also when the job is finished', async () => {
    const first = await post(apis[0].url, '/emails', emailTo('first@example.com'), 'body');
    const refused = { status: 422, body: { code: 'idempotency_key_reused' } };
    expect(await post(apis[1].url, '/emails', emailTo('second@example.com'), 'body')).toMatchObject(refused);
    await untilDone(first.body.id);
    expect(await post(apis[0].url, '/emails', emailTo('second@example.com'), 'body')).toMatchObject(refused);
    expect(await post(apis[0].url, '/emails', { ...emailTo('first@example.com'), options: { priority: 1 } }, 'body')).toMatchObject(
      refused,
    );
    expect(mailTo('second@example.com')).toEqual([]);
  });

  test('of a finished job still answers with that job, as it is now, whatever the order of the fields', async () => {
    const first = await post(apis[0].url, '/emails', emailTo('again@example.com'), 'finished');
    await untilDone(first.body.id);
    const { text, subject, to } = emailTo('again@example.com');
    expect(await post(apis[1].url, '/emails', { text, to, subject }, 'finished')).toMatchObject({
      status: 202,
      replayed: 'true',
      body: { id: first.body.id, createdAt: first.body.createdAt, status: 'completed' },
    });
    expect(mailTo('again@example.com')).toHaveLength(1);
  });

  test('belongs to a tenant and a job type: others may use the same', async () => {
    const mine = await post(apis[0].url, '/emails', emailTo('mine@example.com'), 'shared');
    const theirs = await post(apis[0].url, '/emails', emailTo('theirs@example.com'), 'shared', await apis[0].keyOf('other'));
    const report = { title: 'T', source: { rows: [{ a: 1 }] }, outputs: [{ format: 'csv' }] };
    const asReport = await post(apis[0].url, '/reports', report, 'shared');
    expect([mine, theirs, asReport].map(({ status, replayed }) => [status, replayed])).toEqual([
      [202, null],
      [202, null],
      [202, null],
    ]);
    expect(new Set([mine.body.id, theirs.body.id, asReport.body.id]).size).toBe(3);
  });

  test('of an upload compares the bytes, the name and the request part', async () => {
    const form = (bytes: string, request = '{}') => {
      const parts = new FormData();
      parts.set('file', new Blob([bytes], { type: 'text/plain' }), 'letter.txt');
      parts.set('request', request);
      return parts;
    };
    const first = await post(apis[0].url, '/uploads', form('Dear Ada'), 'upload');
    expect(first).toMatchObject({ status: 202, replayed: null });
    const again = await post(apis[1].url, '/uploads', form('Dear Ada'), 'upload');
    expect(again).toMatchObject({ status: 202, replayed: 'true', body: { id: first.body.id } });
    expect(await post(apis[1].url, '/uploads', form('Dear Bob'), 'upload')).toMatchObject({ status: 422 });
    expect(await post(apis[1].url, '/uploads', form('Dear Ada', '{"variants":[]}'), 'upload')).toMatchObject({ status: 422 });
  });
});

describe('an API process', () => {
  test('that dies between start and answer leaves a job that the same key finds at another process', async () => {
    const dying = await system.startApi();
    const { hostname, port } = new URL(dying.url);
    const body = JSON.stringify(emailTo('lost@example.com'));
    const started = newJobId('email', 'acme', 'lost-answer');
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    // The answer is never read: to the client the process died after the start.
    socket.pause();
    socket.write(
      [
        'POST /v1/emails HTTP/1.1',
        `Host: ${hostname}`,
        `Authorization: Bearer ${key}`,
        'Idempotency-Key: lost-answer',
        'Content-Type: application/json',
        `Content-Length: ${String(Buffer.byteLength(body))}`,
        '',
        body,
      ].join('\r\n'),
    );
    await eventually(async () => {
      expect(await system.jobs.get('acme', started)).toBeDefined();
    });
    socket.destroy();
    await dying.close();
    expect(await post(apis[1].url, '/emails', emailTo('lost@example.com'), 'lost-answer')).toMatchObject({
      status: 202,
      replayed: 'true',
      body: { id: started },
    });
    await untilDone(started);
    expect(mailTo('lost@example.com')).toHaveLength(1);
  });

  test('that is started anew knows the keys of before', async () => {
    const first = await post(apis[0].url, '/emails', emailTo('restart@example.com'), 'restart');
    await apis[0].close();
    apis = [await system.startApi(), apis[1]];
    expect(await post(apis[0].url, '/emails', emailTo('restart@example.com'), 'restart')).toMatchObject({
      status: 202,
      replayed: 'true',
      body: { id: first.body.id },
    });
    expect(await post(apis[0].url, '/emails', emailTo('other@example.com'), 'restart')).toMatchObject({ status: 422 });
  });
});
