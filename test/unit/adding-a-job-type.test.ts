import { readdirSync, readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';

/** One change of the walk-through: a new file, or lines of an existing one. */
interface Change {
  file: string;
  /** The lines as they are now; `undefined` for a new file. */
  before?: string;
  after: string;
}

const isKept = (line: string, sign: string) => line.startsWith(' ') || line.startsWith(sign);

/** `@@` begins another place of the same file. */
function placesOf(file: string, diff: string): Change[] {
  return diff.split(/^@@\n/m).map((place) => {
    const lines = place.trimEnd().split('\n');
    const side = (sign: string) => lines.filter((line) => isKept(line, sign)).map((line) => `${line.slice(1)}\n`);
    return { file, before: side('-').join(''), after: side('+').join('') };
  });
}

const document = readFileSync('docs/adding-a-job-type.md', 'utf8');
const blocks = [...document.matchAll(/^```(?<kind>ts|diff) file=(?<file>\S+)\n(?<text>.*?)^```$/gms)];
const changes: Change[] = blocks.flatMap(({ groups: { kind, file, text } = {} }) => {
  if (file === undefined || text === undefined) return [];
  return kind === 'ts' ? [{ file, after: text }] : placesOf(file, text);
});
const newFiles = changes.filter((change) => change.before === undefined).map((change) => change.file);
const registryLines = changes.filter((change) => change.before !== undefined);

/** The sources after these changes, by absolute path. */
function applied(wanted: Change[]): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { file, before, after } of wanted) {
    const path = resolve(file);
    if (before === undefined) {
      texts.set(path, after);
      continue;
    }
    const parts = (texts.get(path) ?? readFileSync(path, 'utf8')).split(before);
    if (parts.length !== 2) throw new Error(`${file} has these lines ${String(parts.length - 1)} times, not once:\n${before}`);
    texts.set(path, parts.join(after));
  }
  return texts;
}

const parsed = new Map<string, ts.SourceFile | undefined>();
const { config } = ts.readConfigFile('tsconfig.json', (path) => ts.sys.readFile(path)) as { config: unknown };
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, resolve('.'), { incremental: false });
delete options.tsBuildInfoFile;
let before: ts.Program | undefined;

/** Everything that runs, with the changes on top, in memory only. @param onlyIn files to look at @returns the type errors of our own files. */
function errorsAfter(wanted: Change[], onlyIn?: readonly string[]): string[] {
  const texts = applied(wanted);
  const host = ts.createCompilerHost(options);
  const [readSource, exists] = [host.getSourceFile.bind(host), host.fileExists.bind(host)];
  host.fileExists = (path) => texts.has(resolve(path)) || exists(path);
  host.getSourceFile = (path, language) => {
    const text = texts.get(resolve(path));
    if (text !== undefined) return ts.createSourceFile(path, text, language, true);
    if (!parsed.has(path)) parsed.set(path, readSource(path, language));
    return parsed.get(path);
  };
  const ambient = readdirSync('types').map((file) => `types/${file}`);
  const rootNames = [...texts.keys(), ...['src/cli.ts', 'workflows/index.ts', ...ambient].map((path) => resolve(path))];
  const program = ts.createProgram({ rootNames, options, host, ...(before && { oldProgram: before }) });
  before = program;
  return program
    .getSourceFiles()
    .filter(({ fileName }) => (onlyIn === undefined ? !fileName.includes('/node_modules/') : onlyIn.includes(relative('.', fileName))))
    .flatMap((source) => [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)])
    .map(({ file, messageText }) => `${relative('.', file?.fileName ?? '')}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
}

/** What was added, for a title. */
const added = ({ before: old = '', after }: Change) =>
  after
    .split('\n')
    .filter((line) => !old.split('\n').includes(line))
    .join(' ')
    .trim();

describe('the walk-through in docs/adding-a-job-type.md', () => {
  test('names three new files and lines for four existing ones', () => {
    expect(newFiles).toEqual(['src/jobs/checksum.ts', 'activities/checksum.ts', 'workflows/take-checksum.ts']);
    expect([...new Set(registryLines.map((change) => change.file))]).toHaveLength(4);
  });

  test('compiles when it is followed to the letter', () => {
    expect(errorsAfter(changes)).toEqual([]);
  });

  test.each(registryLines.map((change) => ({ file: change.file, line: added(change), change })))(
    'does not compile without this in $file: $line',
    ({ change }) => {
      const rest = changes.filter((other) => other !== change);
      // All the files would take ten times as long; that they are right without the change is shown above.
      const named = [...new Set(changes.map(({ file }) => file))];
      expect(errorsAfter(rest, named)).not.toEqual([]);
    },
  );
});
