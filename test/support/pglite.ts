import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openDatabase } from '../../src/database/open.ts';

const cache = 'node_modules/.cache/handoff-pglite';
const migrations = 'src/database/migrations';

/** Another name for each set of migrations and each version of PGlite. */
async function fingerprint(): Promise<string> {
  const hash = createHash('sha256').update(await readFile('node_modules/@electric-sql/pglite/package.json'));
  for (const name of (await readdir(migrations)).sort()) hash.update(await readFile(join(migrations, name)));
  return hash.digest('hex').slice(0, 16);
}

/** A new PGlite directory takes 15 seconds and more, a copy a fraction of one: so it is made once, with all migrations, and kept. */
async function prepared(): Promise<string> {
  const directory = join(cache, await fingerprint());
  if (existsSync(directory)) return directory;
  await mkdir(cache, { recursive: true });
  const making = await mkdtemp(join(cache, 'making-'));
  try {
    await (await openDatabase({ directory: join(making, 'data') })).destroy();
    await rename(join(making, 'data'), directory);
  } catch (error) {
    // Another test file was faster: theirs is as good.
    if (!existsSync(directory)) throw error;
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return directory;
}

/** A migrated database directory of one's own, to be removed by whoever asked for it. */
export async function pgliteDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'handoff-pglite-'));
  await cp(await prepared(), directory, { recursive: true });
  return directory;
}
