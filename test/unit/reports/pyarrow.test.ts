import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { testEngine } from './extracts.ts';

function python(...args: string[]): string | undefined {
  try {
    return execFileSync('python3', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined;
  }
}

const missing = python('-c', 'import pyarrow') === undefined;
const script = `
import sys, json, pyarrow.parquet as pq
t = pq.read_table(sys.argv[1])
print(json.dumps([[str(f.type) for f in t.schema], [[None if v is None else str(v) for v in r.values()] for r in t.to_pylist()]]))
`;

(missing ? describe.skip : describe)(`Parquet${missing ? ' (skipped: python3 has no pyarrow)' : ''}`, () => {
  const reports = testEngine();

  test('is read by another library as what it was', async () => {
    const sql = `select 9007199254740993::bigint as i, 170141183460469231731687303715884105::hugeint as h, '1.50'::decimal(10,2) as d,
      date '1815-12-10' as day, timestamp '2026-01-31 12:00:00.5' as at, true as b, null as n, 'é🦆' as t, [1, 2] as l`;
    const { bytes } = await reports.extract([], { sql });
    const directory = await mkdtemp(join(tmpdir(), 'handoff-pyarrow-'));
    try {
      const path = join(directory, 'x.parquet');
      await writeFile(path, bytes);
      expect(JSON.parse(python('-c', script, path) ?? 'null')).toEqual([
        [
          'int64',
          'decimal128(38, 0)',
          'decimal128(10, 2)',
          'date32[day]',
          'timestamp[us]',
          'bool',
          'int32',
          'string',
          'list<element: int32>',
        ],
        [
          [
            '9007199254740993',
            '170141183460469231731687303715884105',
            '1.50',
            '1815-12-10',
            '2026-01-31 12:00:00.500000',
            'True',
            null,
            'é🦆',
            '[1, 2]',
          ],
        ],
      ]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
