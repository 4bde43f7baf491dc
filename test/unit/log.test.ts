import { describe, expect, test } from '@jest/globals';

import { newApiKey } from '../../src/database/api-keys.ts';
import { createLog, errorFacts } from '../../src/log.ts';

const lines: string[] = [];
const log = createLog('debug', { write: (line) => void lines.push(line) });

function logged(facts: Record<string, unknown>, message = 'x'): { line: string; facts: Record<string, unknown> } {
  lines.length = 0;
  log.info(facts, message);
  const [line = '', ...more] = lines;
  expect(more).toEqual([]);
  return { line, facts: JSON.parse(line) as Record<string, unknown> };
}

describe('the log', () => {
  test.each(['password', 'apiKey', 'Authorization', 'access_token', 'clientSecret', 'cookie'])('does not show a fact named %s', (name) => {
    const { line, facts } = logged({ [name]: 'hunter2', nested: { [name]: ['hunter2'] }, list: [{ [name]: 'hunter2' }] });
    expect(line).not.toContain('hunter2');
    expect(facts).toMatchObject({ [name]: '[redacted]', nested: { [name]: '[redacted]' } });
  });

  test('does not show what is shaped like a key or a token of ours, a URL with a password or a private key', () => {
    const jobToken = `hjt_key_${'0'.repeat(26)}.email_${'a'.repeat(26)}.1700000000.${'s'.repeat(43)}`;
    const pem = '-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----';
    for (const secret of [newApiKey(), jobToken, 'smtp://user:hunter2@mail.example:25', pem]) {
      const hidden = /hunter2|MIGHAgEA/.exec(secret)?.[0] ?? secret;
      for (const text of [secret, `/v1/jobs/${secret}/x`, `"${secret}"`]) {
        expect(logged({ path: text }).line).not.toContain(hidden);
        expect(logged({ deep: { list: [text] } }).line).not.toContain(hidden);
        expect(logged({ [text]: 1 }).line).not.toContain(hidden);
        expect(logged({}, text).line).not.toContain(hidden);
      }
    }
  });

  test('shows ids, codes and times as they are', () => {
    const facts = { requestId: '42ee8b26', keyId: 'key_0123', status: 200, path: '/v1/jobs/email_x', taskQueue: 'handoff', at: ['a', 'b'] };
    expect(logged(facts).facts).toMatchObject(facts);
  });

  test('shows of an error its kind and place, never its message', () => {
    const error = Object.assign(new Error('hunter2\n    at hunter2 (hunter2.ts:1:1)'), { code: 'ECONNREFUSED' });
    for (const facts of [{ error }, { nested: { error } }, errorFacts(error)]) {
      const { line } = logged(facts);
      expect(line).not.toContain('hunter2');
      expect(line).toContain('ECONNREFUSED');
      expect(line).toMatch(/at .*log\.test\.ts/);
    }
  });

  test('survives facts that hold themselves', () => {
    const facts: Record<string, unknown> = {};
    facts['self'] = facts;
    expect(() => logged(facts)).not.toThrow();
  });

  test.each(['\r\n{"level":60}', '\u001b[31mred', '\u009b31mred', '\u2028x', '\u202egnp.exe', '"},{"', '\\', '\0', '\ud800'])(
    'writes one line of plain characters for %j',
    (text) => {
      const { line, facts } = logged({ path: text, [text]: text }, text);
      // eslint-disable-next-line no-control-regex -- the control characters are the point
      expect(line).toMatch(/^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]+\n$/);
      expect(facts['level']).toBe(30);
    },
  );
});
