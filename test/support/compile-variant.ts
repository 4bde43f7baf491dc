import { dirname, resolve } from 'node:path';
import ts from 'typescript';

const configured = ts.getParsedCommandLineOfConfigFile(
  'tsconfig.json',
  { incremental: false },
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined },
);
if (!configured) throw new Error('tsconfig.json cannot be read.');
const options = configured.options;
delete options.tsBuildInfoFile;

const roots = ['src/jobs/registry.ts', 'workflows/index.ts', 'workflows/policies.ts', 'activities/index.ts', 'types/ms.d.ts'].map((path) =>
  resolve(path),
);
const parsed = new Map<string, ts.SourceFile | undefined>();
let before: ts.Program | undefined;

/** An edit of our own sources, in memory only: what `replace` finds in this file is replaced (or, without it, the text is put at its end). */
export interface Edit {
  file: string;
  replace?: RegExp;
  by: string;
}

/** Type errors in `file`, on one line each, after the edits. */
export function errorsIn(file: string, edits: Edit[]): string[] {
  const edited = new Map<string, string>();
  for (const edit of edits) edited.set(resolve(edit.file), apply(edit, edited.get(resolve(edit.file))));
  const host = ts.createCompilerHost(options);
  const readSource = host.getSourceFile.bind(host);
  host.getCurrentDirectory = () => dirname(resolve('tsconfig.json'));
  host.getSourceFile = (path, language) => {
    const text = edited.get(path);
    if (text !== undefined) return ts.createSourceFile(path, text, language, true);
    if (!parsed.has(path)) parsed.set(path, readSource(path, language));
    return parsed.get(path);
  };
  const program = ts.createProgram({ rootNames: roots, options, host, ...(before && { oldProgram: before }) });
  before = program;
  const source = program.getSourceFile(resolve(file));
  if (!source) throw new Error(`${file} is not part of the program.`);
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(({ messageText }) =>
    ts.flattenDiagnosticMessageText(messageText, ' ').replaceAll(/\s+/g, ' '),
  );
}

function apply({ file, replace, by }: Edit, text = ts.sys.readFile(resolve(file)) ?? ''): string {
  if (replace === undefined) return `${text}\n${by}\n`;
  if (!replace.test(text)) throw new Error(`${file} has nothing like ${String(replace)}: the planted mistake must follow it.`);
  return text.replace(replace, () => by);
}
