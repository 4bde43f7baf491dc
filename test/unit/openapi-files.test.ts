import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

let copy: string;

/** The script, in a folder with our sources and a client/ of its own. */
function openapi(...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((done) => {
    const child = execFile(process.execPath, ['scripts/openapi.mjs', ...args], { cwd: copy, env: {} }, (_error, stdout, stderr) => {
      done({ code: child.exitCode ?? 1, output: stdout + stderr });
    });
  });
}

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'handoff-openapi-'));
  await mkdir(join(copy, 'scripts'));
  await cp('scripts/openapi.mjs', join(copy, 'scripts', 'openapi.mjs'));
  for (const name of ['src', 'test', 'node_modules']) await symlink(resolve(name), join(copy, name));
  await cp('client', join(copy, 'client'), { recursive: true });
});
afterAll(() => rm(copy, { recursive: true, force: true }));

describe('npm run openapi', () => {
  test('fails with --check, names the file and the remedy, and leaves it alone when the document is not what the sources say', async () => {
    const path = join(copy, 'client', 'openapi.json');
    await appendFile(path, ' ');
    const before = await readFile(path, 'utf8');
    expect(await openapi('--check')).toEqual({
      code: 1,
      output: 'client/openapi.json: not what the sources say. Run "npm run openapi", and commit the result.\n',
    });
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  test('writes what --check then takes', async () => {
    await rm(join(copy, 'client', 'schema.ts'));
    expect((await openapi()).code).toBe(0);
    expect(await openapi('--check')).toEqual({ code: 0, output: '' });
  });
});
