import { describe, expect, test } from '@jest/globals';

import { untilStopped } from '../../src/lifecycle.ts';

/** Runs it to its end, with a SIGTERM once everything is open. */
async function opened(open: Parameters<typeof untilStopped>[0]): Promise<string[]> {
  const said: string[] = [];
  await untilStopped(
    async (scope) => {
      await open(scope);
      setImmediate(() => process.emit('SIGTERM', 'SIGTERM'));
    },
    { say: (line) => said.push(line) },
  );
  return said;
}

describe('a stopped process', () => {
  test('closes what it opened in reverse order, and says so', async () => {
    const closed: string[] = [];
    const said = await opened((scope) => {
      for (const name of ['database', 'worker', 'api']) scope.closing(name, (thing) => void closed.push(thing));
      return Promise.resolve();
    });
    expect(closed).toEqual(['api', 'worker', 'database']);
    expect(said).toEqual([expect.stringContaining('SIGTERM')]);
  });

  test.each([
    [
      'throws',
      () => {
        throw new TypeError('broken');
      },
    ],
    ['rejects', () => Promise.reject(new TypeError('broken'))],
  ])('closes the others although one %s', async (_how, broken) => {
    const closed: string[] = [];
    const said = await opened((scope) => {
      scope.closing('first', (thing) => void closed.push(thing));
      scope.closing('second', broken);
      return Promise.resolve();
    });
    expect(closed).toEqual(['first']);
    expect(said).toContain('While stopping: TypeError');
  });

  test('leaves no signal handler behind', async () => {
    const before = process.listenerCount('SIGTERM');
    await opened(() => Promise.resolve());
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });
});

test('what was open is closed when the rest can not be opened, and the reason is thrown', async () => {
  const closed: string[] = [];
  const failing = untilStopped(
    (scope) => {
      scope.closing('database', (thing) => void closed.push(thing));
      return Promise.reject(new Error('port in use'));
    },
    { say: () => undefined },
  );
  await expect(failing).rejects.toThrow('port in use');
  expect(closed).toEqual(['database']);
});
