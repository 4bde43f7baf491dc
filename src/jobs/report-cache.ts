import { createHash } from 'node:crypto';

import type { Extraction } from './report.ts';

/** A week. */
export const longestCacheSeconds = 7 * 86_400;

/**
 * Alike for queries that give the same rows as long as their sources do: files count by their bytes, whatever they are called.
 * What is read anew each time counts by how it is asked for.
 */
export function extractionKey({ tables, query }: Extraction): string {
  const sources = tables.map((table) => ('file' in table ? { ...table, file: table.file.sha256 } : table));
  return createHash('sha256').update(canonical({ sources, query })).digest('hex');
}

/** JSON with the keys of each object in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );
}
