import { describe, expect, test } from '@jest/globals';

import { keys, testApi } from '../../support/api.ts';

const api = testApi({ maxMessageBytes: 50_000 });
const email = { to: ['ada@example.com'], subject: 'Hello', text: 'Hi' };
const bytes = (size: number) => Buffer.alloc(size, 'x').toString('base64');
async function post(changes: object, key = keys.acme): Promise<{ status: number; body: unknown }> {
  const answer = await api
    .agent(key)
    .post('/v1/emails')
    .send({ ...email, ...changes });
  return { status: answer.status, body: answer.body as unknown };
}

describe('POST /v1/emails with attachments', () => {
  test('starts a job that refers to them; their bytes go nowhere else', async () => {
    const answer = await post({ attachments: [{ name: 'a.txt', content: bytes(20_000) }] });
    expect(answer.status).toBe(202);
    expect(api.started).toHaveLength(1);
    expect(api.started[0]?.input).toMatchObject({ content: { attachments: [{ name: 'a.txt', file: { size: 20_000 } }] } });
    expect(JSON.stringify(api.started[0]?.input).length).toBeLessThan(2_000);
  });

  test('is 413 with a pointer when the message gets too large, and leaves nothing behind', async () => {
    const { status, body } = await post({ attachments: [{ name: 'a.txt', content: bytes(40_000) }] });
    expect([status, body]).toMatchObject([413, { code: 'message_too_large', errors: [{ pointer: '/attachments' }] }]);
    expect([api.started.length, await api.store.count()]).toEqual([0, 0]);
  });

  test("is 400 with a pointer for another tenant's file, in the same words as for none", async () => {
    await post({ attachments: [{ name: 'a.txt', content: bytes(10) }] });
    const [fileId = ''] = [...api.store.records.keys()];
    const refused = { code: 'file_not_found', errors: [{ pointer: '/attachments/0/fileId', detail: 'no such file' }] };
    expect((await post({ attachments: [{ fileId }] })).status).toBe(202);
    expect((await post({ attachments: [{ fileId }] }, keys.other)).body).toMatchObject(refused);
    expect((await post({ attachments: [{ fileId: 'file_x' }] }, keys.other)).body).toMatchObject(refused);
  });

  test('points to a field that would have something fetched or read', async () => {
    for (const field of ['url', 'href', 'path', 'raw']) {
      const { status, body } = await post({ attachments: [{ name: 'a', content: 'YQ==', [field]: 'http://169.254.169.254/' }] });
      expect([status, body]).toMatchObject([400, { errors: [{ pointer: `/attachments/0/${field}`, detail: 'is not a known field' }] }]);
    }
  });

  test('says what is wrong with an address, where it stands', async () => {
    const { body } = await post({ cc: ['bob@example.com, eve@evil.example'], bcc: [{ address: 'ada@①.example' }] });
    expect(body).toMatchObject({
      errors: [
        { pointer: '/cc/0', detail: 'is not a bare e-mail address' },
        { pointer: '/bcc/0/address', detail: expect.stringContaining('UTS 46') },
      ],
    });
  });
});
