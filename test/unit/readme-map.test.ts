import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const readme = readFileSync('README.md', 'utf8');
const map = /^## Map\n+```text\n(?<lines>.*?)^```$/ms.exec(readme)?.groups?.['lines'] ?? '';
const entries = map
  .trimEnd()
  .split('\n')
  .map((line) => line.split(/\s{2,}/));
const named = entries.map(([path = '']) => path);

/** What git does not keep, what a build in progress makes, and what editors leave. */
const ignored = new Set([
  '.git',
  '.idea',
  '.vscode',
  ...readFileSync('.gitignore', 'utf8')
    .split('\n')
    .map((line) => line.replace(/\/$/, '')),
]);

const foldersIn = (directory: string) =>
  readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !ignored.has(entry.name) && !/^\.(build-|handoff)/.test(entry.name))
    .map((entry) => `${join(directory, entry.name)}/`);

describe('the map of the README', () => {
  test('has a description for every entry', () => {
    expect(entries.filter(([path, description]) => !path || !description)).toEqual([]);
  });

  test.each(named)('names something that exists: %s', (path) => {
    expect(existsSync(path) && (statSync(path).isDirectory() ? 'folder' : 'file')).toBe(path.endsWith('/') ? 'folder' : 'file');
  });

  test.each([...foldersIn('.'), ...foldersIn('src')])('has the folder %s', (folder) => {
    expect(named).toContain(folder);
  });
});

const documents = ['.', 'docs', 'docs/adr'].flatMap((directory) =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(directory, name)),
);

/** As GitHub makes it from a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');

const anchorsIn = (path: string) => [...readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

describe('links between documents', () => {
  test.each(documents)('%s leads only to files and headings that exist', (path) => {
    // Code is no text: it may hold brackets of its own.
    const text = readFileSync(path, 'utf8')
      .replaceAll(/^```.*?^```$/gms, '')
      .replaceAll(/`[^`\n]*`/g, '');
    const targets = [...text.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, target = '']) => target);
    const broken = targets.filter((target) => {
      const [file = '', anchor] = target.split('#');
      const led = file === '' ? path : resolve(dirname(path), file);
      return !existsSync(led) || (anchor !== undefined && !anchorsIn(led).includes(anchor));
    });
    expect(broken).toEqual([]);
  });
});
