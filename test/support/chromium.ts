import { execFile } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** Some systems have a script of this name that only says where to get the browser. */
async function isBrowser(path: string): Promise<boolean> {
  return run(path, ['--version']).then(
    ({ stdout }) => /Chrom(?:e|ium) \d+/.test(stdout),
    () => false,
  );
}

/** The system's browser, or why there is none to test with. `CHROMIUM_PATH` names one. */
export async function findChromium(): Promise<{ executablePath: string } | { skipped: string }> {
  const named = process.env['CHROMIUM_PATH'];
  if (named !== undefined && named !== '') {
    if (await isBrowser(named)) return { executablePath: named };
    return { skipped: 'CHROMIUM_PATH is no Chromium' };
  }
  const places = (process.env['PATH'] ?? '').split(delimiter);
  for (const name of names)
    for (const place of places) if (await isBrowser(join(place, name))) return { executablePath: join(place, name) };
  return { skipped: 'no Chromium here' };
}
