import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

const script = resolve('scripts/verify-test-run.mjs');
const allChecks = ['eslint', 'tsc', 'boundaries', 'knip', 'openapi', 'redocly', 'prettier'].map((name) => ({ name, ok: true }));

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'handoff-verify-'));
  await mkdir(join(directory, 'test/unit'), { recursive: true });
});
afterEach(() => rm(directory, { recursive: true, force: true }));

interface Suite {
  /** Below the folder of the tests. */
  name: string;
  tests: { status: string; title: string }[];
}

/** The script's verdict on these suites, where these test files lie on disk. */
async function verify({ onDisk, suites, checks = allChecks }: { onDisk: string[]; suites: Suite[]; checks?: object[] }) {
  for (const name of onDisk) await writeFile(join(directory, 'test', name), '');
  const testResults = suites.map(({ name, tests }) => ({
    name: join(directory, 'test', name),
    assertionResults: tests.map(({ status, title }) => ({ status, fullName: title })),
  }));
  await writeFile(join(directory, 'test-results.json'), JSON.stringify({ testResults }));
  await writeFile(join(directory, 'test-run.json'), JSON.stringify({ checks, totals: { passed: 7, failed: 0, skipped: 0 } }));
  return judge();
}

function judge(): Promise<{ ok: boolean; lines: string[] }> {
  return new Promise((done) => {
    execFile(process.execPath, [script, directory, join(directory, 'test')], { env: { PATH: process.env['PATH'] } }, (error, stdout) => {
      done({ ok: error === null, lines: stdout.trimEnd().split('\n') });
    });
  });
}

const passed = { status: 'passed', title: 'works' };

describe('the check of a test run', () => {
  test('is content when every check and every test file ran', async () => {
    const { ok, lines } = await verify({ onDisk: ['unit/a.test.ts'], suites: [{ name: 'unit/a.test.ts', tests: [passed] }] });
    expect({ ok, last: lines.at(-1) }).toEqual({ ok: true, last: '7 passed, 0 failed' });
  });

  test('names a test file that did not run', async () => {
    const { ok, lines } = await verify({
      onDisk: ['unit/a.test.ts', 'unit/b.test.ts'],
      suites: [{ name: 'unit/a.test.ts', tests: [passed] }],
    });
    expect(ok).toBe(false);
    expect(lines[0]).toMatch(/^not run: .*unit\/b\.test\.ts$/);
    expect(lines.at(-1)).toBe('7 passed, 1 failed');
  });

  test('names a check that did not run', async () => {
    const suites = [{ name: 'unit/a.test.ts', tests: [passed] }];
    const { ok, lines } = await verify({ onDisk: ['unit/a.test.ts'], suites, checks: allChecks.slice(1) });
    expect({ ok, first: lines[0] }).toEqual({ ok: false, first: 'not run: check eslint' });
  });

  test.each(['pending', 'todo'])('refuses a %s test without a reason', async (status) => {
    const suites = [{ name: 'unit/a.test.ts', tests: [passed, { status, title: 'later' }] }];
    const { ok, lines } = await verify({ onDisk: ['unit/a.test.ts'], suites });
    expect(ok).toBe(false);
    expect(lines[0]).toContain('not run: later');
  });

  test('accepts a skipped test whose title gives the reason', async () => {
    const suites = [{ name: 'unit/a.test.ts', tests: [passed, { status: 'pending', title: 'on PostgreSQL (skipped: no server here)' }] }];
    expect(await verify({ onDisk: ['unit/a.test.ts'], suites })).toMatchObject({ ok: true });
  });

  test('refuses a run that left no record', async () => {
    const { ok, lines } = await judge();
    expect(ok).toBe(false);
    expect(lines.at(-1)).toMatch(/^0 passed, [1-9]\d* failed$/);
  });
});
