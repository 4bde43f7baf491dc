import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';

import { errorCodes } from '../../src/errors.ts';
import { problemOfJob, problems } from '../../src/http/problem.ts';

/** Code and status of each row in the table of codes. */
async function documented(): Promise<{ code: string; status: number; cells: string[] }[]> {
  const [, table = ''] = (await readFile('docs/errors.md', 'utf8')).split('## Codes');
  return table
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').slice(1, -1))
    .map(([code = '', status = '', ...cells]) => ({ code: code.trim().slice(1, -1), status: Number(status), cells }));
}

describe('the error codes', () => {
  test('are the same in the code, in the answers and in the documentation, in the same order', async () => {
    expect((await documented()).map(({ code }) => code)).toEqual([...errorCodes]);
    expect(Object.keys(problems).sort()).toEqual([...errorCodes].sort());
    expect(new Set(errorCodes).size).toBe(errorCodes.length);
  });

  test('have the documented status, and every cell is filled', async () => {
    for (const { code, status, cells } of await documented()) {
      expect([code, status]).toEqual([code, problems[code as keyof typeof problems].status]);
      expect(cells.map((cell) => cell.trim()).filter((cell) => cell === '')).toEqual([]);
      expect(cells).toHaveLength(3);
    }
  });

  test('have a title of their own', () => {
    const titles = Object.values(problems).map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });

  test.each(errorCodes)(
    '%s makes a problem for a job, retryable when it was not the input that failed, and nothing is in doubt',
    (code) => {
      const { status } = problems[code];
      expect(problemOfJob({ code, message: 'why' })).toEqual({
        type: `urn:handoff:problem:${code}`,
        title: problems[code].title,
        status,
        detail: 'why',
        code,
        retryable: status >= 500 && code !== 'delivery_in_doubt',
      });
    },
  );

  test('can not be overwritten by the details of a job', () => {
    const details = { status: 200, code: 'x', type: 'x', detail: 'x', messages: [] };
    expect(problemOfJob({ code: 'mail_rejected', message: 'why', details })).toMatchObject({
      status: 422,
      code: 'mail_rejected',
      detail: 'why',
      messages: [],
    });
  });
});
