import { describe, expect, test } from '@jest/globals';

import { loadConfig } from '../../../src/config.ts';
import { openDataSources } from '../../../src/data-sources.ts';
import { problemsOf } from '../../support/config-problems.ts';

const configured = (till: object) => ({ HANDOFF_DATA_SOURCES: JSON.stringify({ till: { kind: 'sqlite', ...till } }) });

describe('a file of SQLite in the configuration', () => {
  test('is a data source for its tenants, who do not learn where it is', async () => {
    const config = loadConfig(configured({ path: '/srv/secret-place/till.db', tenants: ['acme'], description: 'Sales' }));
    const sources = openDataSources({} as never, config, undefined);
    const found = await sources.find('acme', 'till');
    expect(found).toMatchObject({ name: 'till', settings: { kind: 'sqlite' }, description: 'Sales', version: null });
    expect(JSON.stringify(found)).not.toContain('secret-place');
    expect((await sources.open('acme', 'till'))?.secrets).toEqual({ path: '/srv/secret-place/till.db' });
  });

  test.each([{ path: 'till.db' }, { path: '' }, {}, { path: '/srv/till.db', password: 'x' }])('is not named like %j', (till) => {
    expect(problemsOf(configured(till))).toContain('HANDOFF_DATA_SOURCES');
  });
});
