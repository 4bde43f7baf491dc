import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Why PDF files can't be read here; `undefined` when they can. */
export async function whyNoPoppler(): Promise<string | undefined> {
  return run('pdftotext', ['-v']).then(
    () => undefined,
    () => 'no pdftotext (poppler-utils) here',
  );
}

/** The text of each page, as Poppler reads it. @param layout as it stands on the page, else in the order of the file */
export async function pdfPages(bytes: Uint8Array, { layout = true } = {}): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'handoff-pdf-'));
  try {
    const path = join(directory, 'document.pdf');
    await writeFile(path, bytes);
    const { stdout } = await run('pdftotext', [layout ? '-layout' : '-raw', '-enc', 'UTF-8', path, '-'], { maxBuffer: 64 * 1024 * 1024 });
    return stdout.split('\f').slice(0, -1);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
