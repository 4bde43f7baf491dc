#!/usr/bin/env node
// Last step of .ci/run: did the run before it run everything that it should have? Ends with the closing line of both.
import { readFile, readdir } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { checkNames } from './check.mjs';
import { closingLine } from './test-totals.mjs';

/** Where scripts/test.mjs leaves its records, and the tests lie; relative to the top folder. */
const [cache = 'node_modules/.cache/handoff', tests = 'test'] = process.argv.slice(2);

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const read = (name) => readFile(`${cache}/${name}.json`, 'utf8').then(JSON.parse, () => undefined);
const run = await read('test-run');
const results = await read('test-results');
const missing = [...checksNotRun(), ...(await filesNotRun()), ...skippedWithoutReason()];
for (const line of missing) console.log(`not run: ${line}`);
if (missing.length === 0) console.log('Everything that should have run did.');
const totals = run?.totals ?? { passed: 0, failed: 0, skipped: 0 };
console.log(closingLine({ ...totals, failed: totals.failed + missing.length }));
process.exitCode = missing.length > 0 || totals.failed > 0 ? 1 : 0;

function checksNotRun() {
  const done = new Set(run?.checks.map((check) => check.name));
  return checkNames.filter((name) => !done.has(name)).map((name) => `check ${name}`);
}

async function filesNotRun() {
  const entries = await readdir(tests, { recursive: true, withFileTypes: true });
  const onDisk = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => `${entry.parentPath}/${entry.name}`);
  const ran = new Set(
    (results?.testResults ?? []).filter((suite) => suite.assertionResults.length > 0).map((suite) => relative('', suite.name)),
  );
  const missed = onDisk.map((path) => relative('', path)).filter((path) => !ran.has(path));
  return onDisk.length === 0 ? [`no test file below ${tests}`] : missed;
}

/** A test that can't run here says why in its title, or in that of a `describe` around it: (skipped: …). */
function skippedWithoutReason() {
  const skipped = (results?.testResults ?? [])
    .flatMap((suite) => suite.assertionResults)
    .filter((test) => !['passed', 'failed'].includes(test.status));
  return skipped
    .filter((test) => !/\(skipped: [^)]+\)/.test(test.fullName))
    .map((test) => `${test.fullName} (${test.status}, and its title does not say why)`);
}
