import { resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { innerJest } from '../support/inner-jest.ts';

/** What Jest prints last, with our reporter, after these test files. */
async function lastLine(files: Record<string, string>): Promise<string | undefined> {
  const { out } = await innerJest(files, { reporters: ['default', resolve('test/support/closing-line.js')] });
  return out.at(-1);
}

describe('the closing line', () => {
  test('counts passed and failed tests, and is the last line', async () => {
    const line = await lastLine({ 'a.test.js': `test('a', () => {}); test('b', () => {}); test('c', () => { throw new Error('c'); });` });
    expect(line).toBe('2 passed, 1 failed');
  });

  test('counts a suite that could not be loaded as a failure', async () => {
    const line = await lastLine({ 'a.test.js': `test('a', () => {});`, 'b.test.js': `require('./missing.js'); test('b', () => {});` });
    expect(line).toBe('1 passed, 1 failed');
  });

  test('counts a suite whose last hook fails as a failure, as for something left open', async () => {
    const line = await lastLine({ 'a.test.js': `test('a', () => {}); afterAll(() => { throw new Error('left open'); });` });
    expect(line).toBe('1 passed, 1 failed');
  });

  test('names skipped tests and tests that are yet to be written', async () => {
    const line = await lastLine({ 'a.test.js': `test('a', () => {}); test.skip('b', () => {}); test.todo('c');` });
    expect(line).toBe('1 passed, 0 failed, 2 skipped');
  });
});
