import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';

import type { PartialUploads } from '../../src/jobs/partial-uploads.ts';
import { createPartialUploads } from '../../src/storage/partial-uploads.ts';

export interface TestPartials {
  readonly partials: PartialUploads;
  readonly directory: string;
  /** Names of all files, without the folders of the tags. */
  names(): Promise<string[]>;
}

/** The real store in a directory of its own for each test of the file. */
export function testPartials(): TestPartials {
  let directory = '';
  let partials: PartialUploads;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'handoff-tus-'));
    partials = createPartialUploads(directory);
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });
  return {
    get partials() {
      return partials;
    },
    get directory() {
      return directory;
    },
    async names() {
      if (!existsSync(directory)) return [];
      const entries = await readdir(directory, { recursive: true, withFileTypes: true });
      return entries.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).sort();
    },
  };
}
