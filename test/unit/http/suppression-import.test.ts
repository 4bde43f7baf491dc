import { describe, expect, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';

import { testApi } from '../../support/api.ts';
import { exchange } from '../../support/exchange.ts';

const api = testApi();

const send = (body: string, type = 'text/csv') => api.agent().post('/v1/suppressions/import').type(type).send(body);
const stored = () => api.suppressions.all.map(({ address, reason, category }) => [address, reason, category]);

interface Refused {
  code: string;
  detail: string;
  errors: { pointer: string; detail: string }[];
}

describe('an import', () => {
  test('takes CSV as other services write it, and counts what was there already', async () => {
    const csv =
      '\ufeffEmail,reason,category\r\nAda@Example.com,bounce,\r\n"bob@example.com","unsubscribe",bulk\r\n\r\nada@example.com,bounce,all\r\n';
    const answer = await send(csv);
    expect([answer.status, answer.body]).toEqual([200, { added: 2, already: 1 }]);
    expect(stored()).toEqual([
      ['ada@example.com', 'bounce', 'all'],
      ['bob@example.com', 'unsubscribe', 'bulk'],
    ]);
    expect((await send(csv)).body).toEqual({ added: 0, already: 3 });
  });

  test('takes one column only, in any order with others, and a last line without its end', async () => {
    expect((await send('email\nada@example.com')).body).toEqual({ added: 1, already: 0 });
    expect((await send('note,address\n"said ""no""",bob@example.com')).body).toEqual({ added: 1, already: 0 });
    expect(api.suppressions.all[1]).toMatchObject({ address: 'bob@example.com', note: 'said "no"', reason: 'manual' });
  });

  test('takes NDJSON', async () => {
    const lines = [{ email: 'ada@example.com', reason: 'complaint' }, { address: 'bob@example.com' }].map((line) => JSON.stringify(line));
    expect((await send(lines.join('\n'), 'application/x-ndjson')).body).toEqual({ added: 2, already: 0 });
    expect(stored()).toEqual([
      ['ada@example.com', 'complaint', 'all'],
      ['bob@example.com', 'manual', 'all'],
    ]);
  });

  test('with hostile lines stores nothing, and names each line that is wrong, without repeating what stands there', async () => {
    const hostile = [
      'email,reason',
      'ada@example.com,bounce',
      'secret,bounce',
      '"eve@example.com\r',
      '=cmd()@example.com;DROP TABLE,bounce',
      'bob@example.com,spite',
      'bob@example.com',
      '"bob@example.com"x,bounce',
      `${'x'.repeat(300)}@example.com,bounce`,
      'bob@example.com\0,bounce',
      'bob@example.com\rBcc: eve@example.com,bounce',
    ];
    const answer = await send(hostile.join('\n'));
    const { code, errors, detail } = answer.body as Refused;
    expect([answer.status, code]).toEqual([400, 'invalid_request']);
    expect(errors.map(({ pointer }) => pointer)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11].map((line) => `#line:${String(line)}`));
    expect(detail).toContain('Nothing was imported');
    expect(JSON.stringify(answer.body)).not.toMatch(/secret|eve|bob|DROP/);
    expect([stored(), api.audit.entries, api.unexpected]).toEqual([[], [], []]);
  });

  test.each([
    ['not JSON', '{"email":'],
    ['a list', '["ada@example.com"]'],
    ['null', 'null'],
    ['an unknown field', '{"email":"ada@example.com","tenant":"other"}'],
    ['a field that is no name', '{"email":"ada@example.com","__proto__":{"reason":"bounce"}}'],
    ['no address', '{"reason":"bounce"}'],
    ['a number', '{"email":1}'],
  ])('refuses a line of NDJSON that is %s', async (_name, line) => {
    const answer = await send(`{"email":"ada@example.com"}\n${line}\n`, 'application/x-ndjson');
    expect([answer.status, (answer.body as Refused).errors[0]?.pointer, stored()]).toEqual([400, '#line:2', []]);
  });

  test.each([
    ['an empty file', ''],
    ['no header', 'ada@example.com\n'],
    ['another header', 'name,reason\nada,bounce\n'],
  ])('refuses %s', async (_name, body) => {
    const answer = await send(body);
    expect([answer.status, (answer.body as Refused).errors[0]?.pointer]).toEqual([400, '#line:1']);
  });

  test('refuses what is not UTF-8, another type and a coding, and stores nothing of it', async () => {
    const path = '/v1/suppressions/import';
    const post = (body: Buffer, headers: Record<string, string>) =>
      exchange(api.port, {
        method: 'POST',
        path,
        body: new Uint8Array(body),
        headers: { Authorization: 'Bearer hk_acme_0123456789', ...headers },
      });
    const latin1 = Buffer.from('email\nada@example.com\nj\xf6rg@example.com\n', 'latin1');
    expect(await post(latin1, { 'Content-Type': 'text/csv' })).toMatchObject({ status: 400 });
    expect(await post(latin1, { 'Content-Type': 'application/json' })).toMatchObject({ status: 415 });
    expect(await post(latin1, {})).toMatchObject({ status: 415 });
    const packed = gzipSync('email\nada@example.com\n');
    expect(await post(packed, { 'Content-Type': 'text/csv', 'Content-Encoding': 'gzip' })).toMatchObject({ status: 415 });
    expect([stored(), api.unexpected]).toEqual([[], []]);
  });

  test('of more than 100,000 lines, or of 20 MiB in one line, is refused with 413 and stores nothing', async () => {
    const many = await send(`email\n${Array.from({ length: 100_001 }, (_, index) => `a${String(index)}@example.com`).join('\n')}`);
    const long = await send(`email\n${'x'.repeat(21 * 1024 * 1024)}`);
    for (const { status, body } of [many, long]) expect([status, (body as Refused).code]).toEqual([413, 'payload_too_large']);
    expect(stored()).toEqual([]);
  });

  test('stops reading after twenty faults, and still answers', async () => {
    const answer = await send(`email\n${'x\n'.repeat(200_000)}`);
    expect([answer.status, (answer.body as Refused).errors.length]).toEqual([400, 20]);
  });
});
