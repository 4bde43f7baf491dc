#!/usr/bin/env node
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { run } from './child.mjs';
import { closingLine, sum } from './test-totals.mjs';

const help = `npm test [-- ARGUMENTS FOR JEST]

Without arguments: installs what is missing, runs all checks (npm run check), builds, runs all tests.
With arguments: no checks; Jest gets the arguments. For example
  npm test -- --selectProjects unit
  npm test -- --testPathPatterns boundaries`;

/** What the last run did, for .ci/run. */
const cache = 'node_modules/.cache/handoff';

async function main(args) {
  if (args.includes('--help') || args.includes('-h')) return void console.log(help);
  const { ensureInstalled } = await import('./install.mjs');
  await ensureInstalled({ dev: true });
  await rm(`${cache}/test-run.json`, { force: true });
  await rm(`${cache}/test-results.json`, { force: true });
  await mkdir(cache, { recursive: true });

  const { findTemporalCli } = await import('./temporal-cli.mjs');
  const cli = process.env.TEMPORAL_ADDRESS ? undefined : await findTemporalCli({ log: console.log });
  const checks = args.length > 0 ? [] : await check();
  const built = await build();
  const { code, results } = await jest(args, cli);

  const totals = sum({ checks, built, jestCode: code, results });
  await writeFile(`${cache}/test-run.json`, JSON.stringify({ checks, built, jestCode: code, totals }));
  console.log(closingLine(totals));
  process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
}

async function check() {
  const { runChecks } = await import('./check.mjs');
  return runChecks();
}

async function build() {
  console.log('build …');
  const { code } = await run(process.execPath, ['scripts/build.mjs']);
  if (code !== 0) console.log('build: FAILED');
  return code === 0;
}

async function jest(args, cli) {
  const hook = pathToFileURL('test/support/register-ts.mjs').href;
  const options = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', `--import=${hook}`];
  const { code } = await run(
    process.execPath,
    // The closing line is ours: it counts the checks, too.
    ['node_modules/jest/bin/jest.js', '--json', `--outputFile=${cache}/test-results.json`, '--reporters=default', ...args],
    {
      env: {
        NODE_OPTIONS: [process.env.NODE_OPTIONS, ...options].filter(Boolean).join(' '),
        ...(cli === undefined ? {} : { HANDOFF_TEMPORAL_CLI: cli }),
      },
    },
  );
  const results = await readFile(`${cache}/test-results.json`, 'utf8').then(JSON.parse, () => undefined);
  return { code, results };
}

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.log(closingLine({ passed: 0, failed: 1, skipped: 0 }));
  process.exitCode = 1;
}
