import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The system's browser, or why there is none to test with. `CHROMIUM_PATH` names one. */
export async function findChromium(): Promise<{ executablePath: string } | { skipped: string }> {
  const named = process.env['CHROMIUM_PATH'];
  if (named !== undefined && named !== '') {
    if (await isProgram(named)) return { executablePath: named };
    return { skipped: 'CHROMIUM_PATH is no program' };
  }
  const places = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin'];
  for (const name of names)
    for (const place of places) if (await isProgram(join(place, name))) return { executablePath: join(place, name) };
  return { skipped: 'no Chromium here' };
}
