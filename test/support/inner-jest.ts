import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * Runs these test files (name → text, CommonJS or ES modules) in a Jest of their own, to test our own test set-up.
 * @returns the lines of standard output and standard error.
 */
export async function innerJest(files: Record<string, string>, config: object): Promise<{ out: string[]; err: string[] }> {
  const directory = await mkdtemp(join(tmpdir(), 'handoff-inner-jest-'));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
    await writeFile(join(directory, 'jest.config.json'), JSON.stringify({ transform: {}, ...config }));
    // Only this: with the variables of the outer Jest, the inner one would take itself for one of its workers.
    const env = { PATH: process.env['PATH'], HOME: directory, CI: 'true', NODE_OPTIONS: '--experimental-vm-modules --no-warnings' };
    const args = [resolve('node_modules/jest/bin/jest.js'), '--rootDir', directory, '--runInBand'];
    return await new Promise((done) => {
      execFile(process.execPath, args, { cwd: directory, env }, (_error, stdout, stderr) => {
        done({ out: linesOf(stdout), err: linesOf(stderr) });
      });
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
