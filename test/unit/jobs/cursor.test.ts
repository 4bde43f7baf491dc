import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { openCursor, sealCursor } from '../../../src/jobs/cursor.ts';
import { tenantKeys } from '../../support/api.ts';

const token = fc.uint8Array({ maxLength: 80 });
const refused = { code: 'invalid_cursor', errors: [{ pointer: '#query:cursor', detail: expect.any(String) }] };

describe('a cursor', () => {
  test('gives back the page token for the same tenant and filter', async () => {
    await fc.assert(
      fc.asyncProperty(token, async (pageToken) => {
        const cursor = await sealCursor(tenantKeys, 'acme', 'query', pageToken);
        expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(Buffer.from(await openCursor(tenantKeys, 'acme', 'query', cursor))).toEqual(Buffer.from(pageToken));
      }),
    );
  });

  test.each([
    ['another tenant', 'other', 'query'],
    ['another filter', 'acme', 'other query'],
  ])('is refused for %s', async (_whose, tenant, query) => {
    const cursor = await sealCursor(tenantKeys, 'acme', 'query', Buffer.from('{"CloseTime":1}'));
    await expect(openCursor(tenantKeys, tenant, query, cursor)).rejects.toMatchObject(refused);
  });

  test('that was tampered with anywhere is refused', async () => {
    await fc.assert(
      fc.asyncProperty(token, fc.nat(), fc.constantFrom('A', 'z', '-', '=', '.', '%', ''), async (pageToken, at, character) => {
        const cursor = await sealCursor(tenantKeys, 'acme', 'query', pageToken);
        const index = at % cursor.length;
        const tampered = cursor.slice(0, index) + character + cursor.slice(index + 1);
        fc.pre(tampered !== cursor);
        await expect(openCursor(tenantKeys, 'acme', 'query', tampered)).rejects.toMatchObject(refused);
      }),
    );
  });

  test.each(['', 'x', 'AAAA', 'not base64!', 'A'.repeat(43)])('that is no cursor (%j) is refused', async (cursor) => {
    await expect(openCursor(tenantKeys, 'acme', 'query', cursor)).rejects.toMatchObject(refused);
  });

  test('with something appended is refused, even if it stands for the same bytes', async () => {
    const cursor = await sealCursor(tenantKeys, 'acme', 'query', Buffer.from('12'));
    for (const more of ['=', '\n', '!', ' ', 'A']) {
      await expect(openCursor(tenantKeys, 'acme', 'query', cursor + more)).rejects.toMatchObject(refused);
    }
  });
});
