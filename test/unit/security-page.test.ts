import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

const page = readFileSync('docs/security.md', 'utf8');
const [, threats = '', asvs = ''] = /\n## Threats and controls\n(.*?)\n## .*\n## OWASP ASVS 5\.0(.*)/s.exec(page) ?? [];

const testLink = /\[(?<title>(?:\\.|[^\]\\])+)\]\(\.\.\/(?<path>test\/[^)]+)\)/g;
const linksIn = (text: string) =>
  [...text.matchAll(testLink)].map(({ groups }) => ({
    path: groups?.['path'] ?? '',
    title: (groups?.['title'] ?? '').replaceAll(/\\(.)/g, '$1'),
  }));
const links = linksIn(page);

const cellsOf = (line: string) => line.slice(2, -2).split(' | ');
const rowsOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map(cellsOf);

/** `1.2.3`, `1.2.3, 1.2.4` or `1.2.3–1.2.6`. */
function numbersOf(text: string): string[] {
  const [first = '', last] = text.split('–');
  if (last === undefined) return text.split(', ');
  const [chapter, section, from = ''] = first.split('.');
  const count = Number(last.split('.').at(-1)) - Number(from) + 1;
  return Array.from({ length: count }, (_, index) => `${String(chapter)}.${String(section)}.${String(Number(from) + index)}`);
}

function kindOf(state: string): string | undefined {
  if (state.startsWith('n/a')) return 'not applicable';
  if (/not yet/i.test(state)) return 'not yet';
  if (linksIn(state).length > 0) return 'tests';
  return state.startsWith('by design: ') ? 'by design' : undefined;
}

const requirements = rowsOf(asvs)
  .filter(([number]) => /^\d/.test(number ?? ''))
  .flatMap(([number = '', , , state = '']) => numbersOf(number).map((each) => ({ number: each, state, kind: kindOf(state) })));

describe('the security page', () => {
  test('links many tests', () => {
    expect(links.length).toBeGreaterThan(400);
  });

  test('leaves nothing to be filled in', () => {
    expect(page).not.toMatch(/TODO|TBD/);
  });

  test.each([...new Map(links.map((link) => [`${link.path} ${link.title}`, link])).values()])(
    'quotes a title of $path: $title',
    ({ path, title }) => {
      expect(existsSync(path)).toBe(true);
      expect(readFileSync(path, 'utf8').replaceAll("\\'", "'")).toContain(title);
    },
  );

  test.each(
    rowsOf(threats)
      .filter(([threat]) => threat !== 'threat')
      .map(([threat = '', control = '', proof = '']) => ({ threat, control, proof })),
  )('has a control and a test for: $threat', ({ control, proof }) => {
    expect(control).not.toBe('');
    expect(linksIn(proof).length > 0).toBe(true);
  });

  test('has every number of ASVS once, each with a state', () => {
    const numbers = requirements.map(({ number }) => number);
    expect(numbers.filter((number, index) => numbers.indexOf(number) !== index)).toEqual([]);
    expect(numbers.filter((number) => !/^\d+\.\d+\.\d+$/.test(number))).toEqual([]);
    // ASVS 5.0.0 has so many requirements of the levels 1 and 2.
    expect(numbers).toHaveLength(70 + 183);
    expect(requirements.filter(({ kind }) => kind === undefined)).toEqual([]);
  });

  test('says how many of them are shown, are by design, and are not there yet', () => {
    const count = (kind: string) => requirements.filter((each) => each.kind === kind).length;
    const applicable = requirements.length - count('not applicable');
    expect(asvs).toContain(
      `${String(applicable)} requirements of levels 1 and 2 apply; ${String(count('not applicable'))} do not. Shown by tests: ${String(count('tests'))}. ` +
        `By design, with the place: ${String(count('by design'))}. Not yet, or only in part: ${String(count('not yet'))}.`,
    );
  });
});
