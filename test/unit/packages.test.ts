import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

interface Manifest {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;

describe('a package that we name', () => {
  test.each(Object.entries({ ...dependencies, ...devDependencies }))('has an exact version: %s', (_name, version) => {
    expect(version).toMatch(/^\d+\.\d+\.\d+(?:-[\w.]+)?$/);
  });
});

test('no script of a package runs while it is installed, here and in the image', () => {
  expect(readFileSync('.npmrc', 'utf8').split('\n')).toContain('ignore-scripts=true');
  const installs = readFileSync('Dockerfile', 'utf8').match(/npm (?:install|ci)[^&\n]*/g) ?? [];
  expect(installs).not.toEqual([]);
  for (const command of installs) expect(command).toContain('--ignore-scripts');
});
