import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { plantTree } from '../support/planted-tree.ts';

const proxy = `import { proxyActivities } from '@temporalio/workflow';
const { deliver } = proxyActivities<{ deliver(input: { to: string }): Promise<void> }>({ startToCloseTimeout: '10 seconds' });`;

/** File → text with one mistake, and the rule that must find it. */
const planted = {
  'workflows/unawaited.ts': {
    mistake: 'an activity that nobody awaits',
    rule: '@typescript-eslint/no-floating-promises',
    text: `${proxy}\nexport async function run(): Promise<void> {\n  deliver({ to: 'a' });\n  await Promise.resolve();\n}`,
  },
  'workflows/void.ts': {
    mistake: 'an activity behind `void`',
    rule: '@typescript-eslint/no-floating-promises',
    text: `${proxy}\nexport async function run(): Promise<void> {\n  void deliver({ to: 'a' });\n  await Promise.resolve();\n}`,
  },
  'workflows/for-each.ts': {
    mistake: 'an async callback that forEach does not await',
    rule: '@typescript-eslint/no-misused-promises',
    text: `${proxy}\nexport function run(all: string[]): void {\n  all.forEach(async (to) => {\n    await deliver({ to });\n  });\n}`,
  },
  'workflows/throws.ts': {
    mistake: 'a plain Error thrown by a workflow',
    rule: 'no-restricted-syntax',
    text: `export function run(): never {\n  throw new Error('no');\n}`,
  },
  'src/http/environment.ts': {
    mistake: 'process.env outside src/config.ts',
    rule: 'no-restricted-properties',
    text: `export const port = process.env['PORT'];`,
  },
  'src/mail/environment.ts': {
    mistake: 'the environment by import outside src/config.ts',
    rule: 'no-restricted-imports',
    text: `import { env } from 'node:process';\nexport const port = env['PORT'];`,
  },
  'activities/default.ts': {
    mistake: 'a default export',
    rule: 'no-restricted-exports',
    text: `export default function run(): number {\n  return 1;\n}`,
  },
  'src/long.ts': {
    mistake: 'a file of more than 300 lines',
    rule: 'max-lines',
    text: Array.from({ length: 301 }, (_, line) => `export const line${String(line)} = ${String(line)};`).join('\n'),
  },
};

const clean: Record<string, string> = {
  'workflows/clean.ts': `${proxy}\nexport async function run(): Promise<void> {\n  await deliver({ to: 'a' });\n}`,
  'src/config.ts': `export const port = process.env['PORT'];`,
};

interface Linted {
  filePath: string;
  messages: { ruleId: string | null; message: string }[];
}

function lint(directory: string): Promise<Linted[]> {
  const program = resolve('node_modules/eslint/bin/eslint.js');
  const args = [program, 'workflows', 'activities', 'src', '--config', resolve('eslint.config.mjs'), '--format', 'json'];
  return new Promise((done, fail) => {
    execFile(
      process.execPath,
      args,
      { cwd: directory, env: { PATH: process.env['PATH'] }, maxBuffer: 2 ** 26 },
      (_error, stdout, stderr) => {
        try {
          done(JSON.parse(stdout) as Linted[]);
        } catch (cause) {
          fail(new Error(stderr, { cause }));
        }
      },
    );
  });
}

describe('the linter', () => {
  let tree: Awaited<ReturnType<typeof plantTree>>;
  let linted: Linted[];

  beforeAll(async () => {
    const files = Object.fromEntries(Object.entries(planted).map(([path, { text }]) => [path, text]));
    tree = await plantTree({ ...files, ...clean });
    linted = await lint(tree.directory);
  });
  afterAll(() => tree.remove());

  const rulesBrokenIn = (path: string) =>
    linted.find(({ filePath }) => filePath.endsWith(`/${path}`))?.messages.map((message) => message.ruleId);

  test.each(Object.entries(planted).map(([path, { mistake, rule }]) => ({ path, mistake, rule })))('finds $mistake', ({ path, rule }) => {
    expect(rulesBrokenIn(path)).toEqual([rule]);
  });

  test.each(Object.keys(clean))('finds nothing in the faultless %s', (path) => {
    expect(rulesBrokenIn(path)).toEqual([]);
  });
});
