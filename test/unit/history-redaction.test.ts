import { describe, expect, test } from '@jest/globals';

import { payloadsIn, redacted } from '../../scripts/history-redaction.mjs';

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
const payload = (value: unknown) => ({ metadata: { encoding: Buffer.from('json/plain').toString('base64') }, data: base64(value) });

describe('a recorded history', () => {
  test('keeps its course and loses what users wrote', () => {
    const input = {
      tenant: 'acme',
      input: {
        to: ['ada@example.com', 'bob@example.com'],
        content: { subject: 'Secret', file: { id: `file_${'a'.repeat(26)}`, size: 7 } },
      },
      options: { startAt: '2026-11-22T12:00:00.000Z', retry: { maximumAttempts: 2 }, labels: { name: 'Ada' } },
      rows: [{ Ada: 1 }],
      format: 'csv',
    };
    const history = {
      events: [
        { eventId: '1', attributes: { input: { payloads: [payload(input)] }, identity: 'handoff-1' } },
        {
          failure: {
            message: 'ada@example.com refused',
            stackTrace: 'at /home/ada',
            encodedAttributes: payload({ message: 'Ada', stack_trace: 'x' }),
          },
        },
      ],
    };
    const told = redacted(history);
    const all = [JSON.stringify(told), ...payloadsIn(told).map(({ data }) => Buffer.from(data, 'base64').toString())].join('\n');
    expect(all).not.toMatch(/ada@|bob@|Secret|Ada|home/);
    expect(told.events[0]?.attributes?.identity).toBe('handoff-1');
    expect(JSON.parse(Buffer.from(payloadsIn(told)[0]?.data ?? '', 'base64').toString())).toEqual({
      tenant: 'redacted',
      input: {
        to: ['someone@example.com', 'someone@example.com'],
        content: { subject: 'redacted', file: { id: `file_${'a'.repeat(26)}`, size: 7 } },
      },
      options: { startAt: '2026-11-22T12:00:00.000Z', retry: { maximumAttempts: 2 }, labels: {} },
      rows: [],
      format: 'csv',
    });
    expect(told.events[1]?.failure).toMatchObject({ message: 'redacted', stackTrace: '' });
  });

  test('is not recorded with anything that can not be read', () => {
    const sealed = { metadata: { encoding: Buffer.from('binary/encrypted').toString('base64') }, data: 'AAAA' };
    expect(() => redacted({ events: [{ input: { payloads: [sealed] } }] })).toThrow('binary/encrypted');
  });

  test('keeps the names of changes in workflows, without which it would not replay', () => {
    const marker = { markerName: 'core_patch', details: { 'patch-data': { payloads: [payload({ id: 'a-change', deprecated: false })] } } };
    expect(redacted(marker)).toEqual(marker);
  });
});
