import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';

import { loadConfig, variables } from '../../src/config.ts';

describe('.env.example', () => {
  const lines = async () => (await readFile('.env.example', 'utf8')).split('\n');
  const set = /^# ([A-Z0-9_]+)=(.*)$/;

  test("lists exactly what is read, each once, and Temporal's own variables in a section of their own", async () => {
    const all = await lines();
    const own = all.findIndex((line) => line.startsWith('## Temporal: '));
    const names = (part: string[]) => part.flatMap((line) => set.exec(line)?.[1] ?? []);
    expect(names(all.slice(0, own)).sort()).toEqual([...variables].sort());
    const temporal = names(all.slice(own));
    expect(temporal.length).toBeGreaterThan(5);
    for (const name of temporal) expect(name).toMatch(/^TEMPORAL_(API_KEY|TLS|CONFIG_FILE|PROFILE)/);
  });

  test('sets nothing by itself, and tells what each variable means', async () => {
    const all = await lines();
    for (const [index, line] of all.entries()) {
      expect(line).toMatch(/^(#.*)?$/);
      expect(set.test(line) ? all[index - 1] : '# ').toMatch(/^# /);
    }
  });

  test('shows the defaults: used as it is, it changes nothing', async () => {
    const shown = (await lines()).flatMap((line) => {
      const [, name = '', value = ''] = set.exec(line) ?? [];
      // Without a default: the value shown is an example.
      const example = [
        ...[
          'DATABASE_URL',
          'HANDOFF_STORAGE_URL',
          'SMTP_URL',
          'HANDOFF_MAIL_PROVIDERS',
          'HANDOFF_DATA_SOURCES',
          'HANDOFF_DKIM_DOMAIN',
          'HANDOFF_DKIM_SELECTOR',
          'TEMPORAL_ADDRESS',
          'HANDOFF_TEMPORAL_UI_URL',
          'HANDOFF_ENCRYPTION_KEY_MODULE',
          'HANDOFF_REPORT_FONTS_DIR',
        ],
        ...['HANDOFF_CORS_ORIGINS', 'HANDOFF_CODEC_ORIGINS', 'HANDOFF_TRUST_PROXY'],
      ].includes(name);
      return variables.includes(name) && !example ? [[name, value] as const] : [];
    });
    expect(loadConfig(Object.fromEntries(shown))).toEqual(loadConfig({}));
  });
});
