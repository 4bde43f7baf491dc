import { resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { innerJest } from '../support/inner-jest.ts';

const typescript = { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' } };
const config = {
  testEnvironment: resolve('test/support/environment.js'),
  setupFilesAfterEnv: [resolve('test/support/leak-guard.ts')],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': [resolve('node_modules/@swc/jest/index.js'), typescript] },
  reporters: ['default', resolve('test/support/closing-line.js')],
};
const open = `const server = require('node:http').createServer(); beforeAll((done) => { server.listen(0, '127.0.0.1', done); }); test('uses it', () => {});`;

describe('the leak guard', () => {
  test('fails a test file that leaves a server open, and says what it is', async () => {
    const { out, err } = await innerJest({ 'a.test.js': open }, { ...config, forceExit: true });
    expect(out.at(-1)).toBe('1 passed, 1 failed');
    expect(err.join('\n')).toContain('left open by this file: TCPServerWrap');
  });

  test('lets pass what the test file closes in its own last hook', async () => {
    const { out } = await innerJest({ 'a.test.js': `${open} afterAll((done) => { server.close(done); });` }, config);
    expect(out.at(-1)).toBe('1 passed, 0 failed');
  });
});
