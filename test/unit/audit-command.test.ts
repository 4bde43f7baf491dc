import { describe, expect, test } from '@jest/globals';

import { auditFilterOf, commandEntry, printableJson } from '../../src/audit-command.ts';
import { ConfigError } from '../../src/config.ts';
import { auditActions } from '../../src/jobs/audit.ts';

describe('handoff audit', () => {
  test('takes all filters, and none', () => {
    expect(auditFilterOf({}, auditActions)).toEqual({});
    const times = { after: '2026-11-22', before: '2026-11-22T14:00:00+01:00' };
    expect(auditFilterOf({ action: 'job.cancel', actor: 'key_x', target: 'email_x', ...times }, auditActions)).toEqual({
      ...{ action: 'job.cancel', actor: 'key_x', target: 'email_x' },
      ...{ after: new Date('2026-11-22T00:00:00Z'), before: new Date('2026-11-22T13:00:00Z') },
    });
  });

  test.each([
    { action: 'job.explode' },
    { action: '' },
    ...['', 'yesterday', '1', '2026-13-01', '2026-11-22T13:00:00'].flatMap((time) => [{ after: time }, { before: time }]),
  ])('refuses %j, and names the option', (options) => {
    const [name] = Object.keys(options);
    expect(() => auditFilterOf(options, auditActions)).toThrow(ConfigError);
    expect(() => auditFilterOf(options, auditActions)).toThrow(`--${String(name)}: `);
  });

  test('prints nothing that a terminal might obey, and the same JSON', () => {
    const value = { reason: 'a\u001b[2J\u009b2J\u202e\u2066\u2028ü🦌' };
    const text = printableJson(value);
    expect(text).toMatch(/^[\x20-\x7eü🦌]*$/u);
    expect(JSON.parse(text)).toEqual(value);
  });
});

test('what a command does is recorded under the user of the operating system', () => {
  expect(commandEntry('api_key.create')).toMatchObject({ actor: expect.stringMatching(/^cli:.+/), outcome: 'accepted', address: null });
});
