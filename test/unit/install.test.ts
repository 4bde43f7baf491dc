import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { assertNodeVersion, ensureInstalled } from '../../scripts/install.mjs';

const path = process.env['PATH'];
let root: string;
let lines: string[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'handoff-install-'));
  lines = [];
  await manifest('1.0.0');
  // An npm that notes how it was called and puts the packages in as the real one would.
  await npm(`mkdir -p node_modules/a && echo '{}' > node_modules/a/package.json
case "$*" in *--include=dev*) mkdir -p node_modules/b && echo '{}' > node_modules/b/package.json ;; *) rm -rf node_modules/b ;; esac`);
});

afterEach(async () => {
  process.env['PATH'] = path;
  await rm(root, { recursive: true, force: true });
});

async function manifest(version: string): Promise<void> {
  await writeFile(join(root, 'package.json'), JSON.stringify({ dependencies: { a: version }, devDependencies: { b: '1.0.0' } }));
}

async function npm(script: string): Promise<void> {
  const bin = join(root, 'bin');
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'npm'), `#!/bin/sh\necho "$*" >> calls\n${script}\n`);
  await chmod(join(bin, 'npm'), 0o755);
  process.env['PATH'] = `${bin}${delimiter}${path ?? ''}`;
}

const calls = async (): Promise<string[]> => (await readFile(join(root, 'calls'), 'utf8').catch(() => '')).split('\n').filter(Boolean);

const ensure = (dev: boolean): Promise<string> =>
  ensureInstalled({
    dev,
    root,
    log: (line) => {
      lines.push(line);
    },
  });

describe('ensureInstalled', () => {
  it('installs what running needs, says so, and has nothing to do the second time', async () => {
    expect(await ensure(false)).toBe('installed');
    expect(await ensure(false)).toBe('up to date');
    expect(await calls()).toEqual(['install --omit=dev']);
    expect(lines).toEqual(['Installing packages: a few minutes the first time, seconds later.']);
  });

  it('adds the development packages when they are asked for, whatever NODE_ENV says', async () => {
    await ensure(false);
    expect(await ensure(true)).toBe('installed');
    expect(await calls()).toEqual(['install --omit=dev', 'install --include=dev']);
  });

  it('takes a full install for enough, and keeps it full when package.json changes', async () => {
    await ensure(true);
    expect(await ensure(false)).toBe('up to date');
    await manifest('2.0.0');
    expect(await ensure(false)).toBe('installed');
    expect(await calls()).toEqual(['install --include=dev', 'install --include=dev']);
  });

  it('installs over a node_modules that is not its own, and leaves development packages in it', async () => {
    await mkdir(join(root, 'node_modules'), { recursive: true });
    await writeFile(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: { 'node_modules/b': { dev: true } } }));
    await ensure(false);
    expect(await calls()).toEqual(['install --include=dev']);
  });

  it('installs again when a package was removed by hand', async () => {
    await ensure(false);
    await rm(join(root, 'node_modules', 'a'), { recursive: true });
    expect(await ensure(false)).toBe('installed');
  });

  it('shows the last lines of an npm that fails, and tries again the next time', async () => {
    await npm('echo "npm error code E404"; echo "npm error a is not in this registry" >&2; exit 1');
    await expect(ensure(false)).rejects.toThrow(/npm install failed \(code 1\)[^]*E404[^]*not in this registry/);
    await expect(ensure(false)).rejects.toThrow('npm install failed');
    expect(await calls()).toHaveLength(2);
  });

  it('says so when there is no npm', async () => {
    process.env['PATH'] = join(root, 'nothing');
    await expect(ensure(false)).rejects.toThrow(/npm install failed[^]*ENOENT/);
  });
});

describe('assertNodeVersion', () => {
  it.each(['20.19.0', '20.20.2', '22.1.0', '24.0.0'])('accepts %s', (version) => {
    expect(() => {
      assertNodeVersion(version);
    }).not.toThrow();
  });

  it.each(['16.20.2', '18.20.8', '20.18.3'])('refuses %s and names what is needed', (version) => {
    expect(() => {
      assertNodeVersion(version);
    }).toThrow(`Handoff needs Node.js 20.19 or newer; this is ${version}.`);
  });
});
