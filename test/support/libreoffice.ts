import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Why there is no LibreOffice to test with; `undefined` when there is one. */
export function whyNoLibreOffice(): Promise<string | undefined> {
  return run('soffice', ['--version']).then(
    () => undefined,
    () => 'no LibreOffice here',
  );
}

/**
 * A file as LibreOffice reads and writes it again, calculated anew.
 * @param directory a temporary one, for its profile too
 */
export async function converted(directory: string, bytes: Uint8Array, to: 'xlsx' | 'pdf'): Promise<Buffer> {
  const source = join(directory, 'source.xlsx');
  await writeFile(source, bytes);
  const profile = `-env:UserInstallation=file://${join(directory, 'profile')}`;
  const out = join(directory, 'converted');
  await run('soffice', [profile, '--headless', '--convert-to', to, '--outdir', out, source], { timeout: 100_000 });
  return readFile(join(out, `source.${to}`));
}
