#!/usr/bin/env node
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

import { run } from './child.mjs';

const help = `npm run check [-- --fix] [-- --help]

Everything about the sources that needs no running program:
  prettier    layout
  eslint      mistakes that types alone do not show
  tsc         types
  boundaries  who may import whom (dependency-cruiser)
  knip        files, exports and packages that nobody uses
  openapi     client/ is what the sources say (npm run openapi)
  redocly     the OpenAPI document is valid and complete

--fix  lets Prettier and ESLint repair what they can, first`;

const folders = ['workflows', 'activities', 'src', 'client'];

/** Longest first: two run at a time. */
const checks = [
  {
    name: 'eslint',
    bin: 'eslint/bin/eslint.js',
    // No cache: rules with types depend on more files than the one they report on.
    args: ['.', '--max-warnings', '0'],
  },
  { name: 'tsc', bin: 'typescript/bin/tsc', args: ['--noEmit', '--pretty'] },
  {
    name: 'boundaries',
    bin: 'dependency-cruiser/bin/dependency-cruise.mjs',
    args: [...folders, '--config', '.dependency-cruiser.cjs', '--output-type', 'err-long'],
  },
  { name: 'knip', bin: 'knip/bin/knip.js', args: ['--no-progress'] },
  { name: 'openapi', script: 'scripts/openapi.mjs', args: ['--check'] },
  { name: 'redocly', bin: '@redocly/cli/bin/cli.js', args: ['lint', 'client/openapi.json', '--config', 'redocly.yaml'] },
  { name: 'prettier', bin: 'prettier/bin/prettier.cjs', args: ['.', '--check', '--cache', '--log-level', 'warn'] },
];

export const checkNames = checks.map((check) => check.name);

/**
 * Runs all checks from the top folder, shows the output of those that fail.
 * @returns {Promise<{ name: string, ok: boolean }[]>}
 */
export async function runChecks({ fix = false, log = console.log } = {}) {
  if (fix) await repair(log);
  const waiting = [...checks];
  const results = [];
  const worker = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) results.push(await runOne(check, log));
  };
  await Promise.all(Array.from({ length: Math.min(2, cpus().length) }, worker));
  return results;
}

async function runOne({ name, bin, script = `node_modules/${bin}`, args }, log) {
  log(`check ${name} …`);
  const { code, output } = await node(script, args);
  log(code === 0 ? `check ${name}: passed` : `check ${name}: FAILED\n${output.trimEnd()}\n`);
  return { name, ok: code === 0 };
}

async function repair(log) {
  for (const [name, bin, args] of [
    ['ESLint', 'eslint/bin/eslint.js', ['.', '--fix', '--quiet']],
    ['Prettier', 'prettier/bin/prettier.cjs', ['.', '--write', '--log-level', 'warn']],
  ]) {
    log(`repairing with ${name} …`);
    await node(`node_modules/${bin}`, args);
  }
}

function node(script, args) {
  // Redocly would ask the internet for a newer version of itself.
  const quiet = { REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', REDOCLY_TELEMETRY: 'off' };
  const env = { ...quiet, FORCE_COLOR: process.stdout.isTTY ? '1' : '0' };
  return run(process.execPath, [script, ...args], { capture: true, env });
}

async function main(args) {
  const unknown = args.find((arg) => !['--fix', '--help', '-h'].includes(arg));
  if (unknown !== undefined || args.includes('--help') || args.includes('-h')) {
    console.log(unknown === undefined ? help : `Unknown: ${unknown}\n\n${help}`);
    return unknown === undefined ? 0 : 2;
  }
  const failed = (await runChecks({ fix: args.includes('--fix') })).filter((check) => !check.ok);
  console.log(failed.length === 0 ? 'All checks passed.' : `Failed: ${failed.map((check) => check.name).join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.chdir(fileURLToPath(new URL('..', import.meta.url)));
  process.exitCode = await main(process.argv.slice(2));
}
