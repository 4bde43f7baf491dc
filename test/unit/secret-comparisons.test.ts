import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';

import { createApiKeys } from '../../src/database/api-keys.ts';
import type { Database } from '../../src/database/schema.ts';

/** Names of what an attacker would like to find byte by byte. */
const secretName = '[\\w.]*(?:signature|mac|secret|hash|digest|apiKey|bearer)';
const nothing = "(?:undefined|null|''|'string'|\\d)";
/** An ordinary comparison ends at the first difference: how long it takes tells where that is. */
const ordinary = new RegExp(`\\b${secretName}\\)?\\s*[!=]==?(?!=|\\s*${nothing})|[!=]==?\\s*${secretName}\\b`, 'gi');

const comparisonsIn = (text: string) => text.match(ordinary) ?? [];

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => join('src', path));

describe('secrets', () => {
  test.each(['if (signature === own)', 'given !== mac', 'return link.signature == sign(id)', 'row.hash === hash', 'a.secret !== b'])(
    'that are compared like other text are noticed: %s',
    (line) => {
      expect(comparisonsIn(line)).not.toEqual([]);
    },
  );

  test('are compared like other text nowhere', () => {
    const found = sources.flatMap((path) => comparisonsIn(readFileSync(path, 'utf8')).map((line) => `${path}: ${line}`));
    expect([sources.length > 100, found]).toEqual([true, []]);
  });

  test.each(['src/http/job-token.ts', 'src/jobs/file-links.ts', 'src/jobs/cursor.ts'])('are compared in constant time in %s', (path) => {
    // Of equal length, which it wants.
    expect(readFileSync(path, 'utf8')).toMatch(/(\w+)\.length (?:!==|===) own\.length (?:\|\| !|&& )timingSafeEqual\(\1, own\)/);
  });

  test('that are API keys are looked up by their SHA-256: how far two of these agree tells nothing of the key', async () => {
    const asked: unknown[] = [];
    const db = new Kysely<Database>({
      dialect: {
        createDriver: () => new DummyDriver(),
        createAdapter: () => new PostgresAdapter(),
        createIntrospector: (open) => new PostgresIntrospector(open),
        createQueryCompiler: () => new PostgresQueryCompiler(),
      },
      log: ({ query }) => {
        asked.push(...query.parameters);
      },
    });
    const key = 'hk_secret_0123456789';
    expect(await createApiKeys(db).callerOf(key)).toBeUndefined();
    expect(asked).toContain(createHash('sha256').update(key).digest('hex'));
    expect(JSON.stringify(asked)).not.toContain(key);
  });
});
