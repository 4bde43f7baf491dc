import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';

import { keys, testApi } from '../../support/api.ts';
import { eventually } from '../../support/eventually.ts';
import { rawRequest } from '../../support/raw-request.ts';

const api = testApi();
const boundary = 'XbX';
const filePart = (content: string, parameters = '') =>
  `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"${parameters}\r\n\r\n${content}\r\n`;
const end = `--${boundary}--\r\n`;

const head = (length: number) =>
  `POST /v1/uploads HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${keys.acme}\r\nContent-Type: multipart/form-data; boundary=${boundary}\r\nContent-Length: ${String(length)}\r\n\r\n`;

/** In chunks, so that nothing is known of its length. */
async function send(body: string): Promise<{ status: number | undefined; said: string }> {
  const headers = { Authorization: `Bearer ${keys.acme}`, 'Content-Type': `multipart/form-data; boundary=${boundary}` };
  const asked = request({ port: api.port, method: 'POST', path: '/v1/uploads', headers });
  const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
  asked.write(body);
  asked.end();
  const [response] = await answered;
  return { status: response.statusCode, said: await text(response) };
}

async function expectNothingKept(): Promise<void> {
  await eventually(async () => {
    expect(await api.store.count()).toBe(0);
  });
  expect([api.store.records.size, api.started, api.unexpected]).toEqual([0, [], []]);
}

test.each([
  ['files', filePart('x').repeat(10_000)],
  ['parts without headers', `--${boundary}\r\n\r\n\r\n`.repeat(10_000)],
  ['fields', filePart('x') + `--${boundary}\r\nContent-Disposition: form-data; name="request"\r\n\r\n{}\r\n`.repeat(10_000)],
])('10,000 %s are refused, and nothing is kept', async (_what, parts) => {
  const { status, said } = await send(parts + end);
  expect(status).toBe(400);
  expect(said).toMatch(/"pointer":"\/(file|request)"/);
  await expectNothingKept();
});

test.each([
  ['of 1 MB', `; x="${'y'.repeat(1_000_000)}"`],
  ['of 10,000 lines', '\r\nX: y'.repeat(10_000)],
])('a part header %s is passed over where it gets too long: the file is what stands behind it', async (_what, parameters) => {
  expect((await send(filePart('hello', parameters) + end)).status).toBe(202);
  expect(api.started).toMatchObject([{ input: { file: { name: 'a.txt', size: 5 } } }]);
});

test('less than the Content-Length says, and then nothing: nothing is kept', async () => {
  const body = filePart('x'.repeat(5_000)) + end;
  await rawRequest(api.port, [Buffer.from(head(body.length + 10) + body.slice(0, 3_000))], { thenCut: true });
  await eventually(() => {
    expect(api.answers).toHaveLength(1);
  });
  await expectNothingKept();
});

test('more than the Content-Length says: what is behind is no part of it, and nothing is kept', async () => {
  const body = filePart('hello') + end;
  await rawRequest(api.port, [Buffer.from(head(body.length - 20) + body)]);
  await eventually(() => {
    expect(api.answers).toMatchObject([{ status: 400 }]);
  });
  await expectNothingKept();
});
