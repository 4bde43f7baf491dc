import { expect, test } from '@jest/globals';

import { testApi } from '../../support/api.ts';

const api = testApi();

test('the page at /docs runs and loads nothing from elsewhere, and nobody can frame it or point its links elsewhere', async () => {
  const { text, headers } = await api.anonymous().get('/docs');
  expect(
    [...text.matchAll(/(?:src|href)="(?<url>[^"]*)"/g)]
      .map((match) => match.groups?.['url'])
      .filter((url) => !/^(\/docs\/|data:,)/.test(url ?? '')),
  ).toEqual([]);
  const policy = String(headers['content-security-policy']).split('; ');
  for (const directive of ["default-src 'none'", "script-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"])
    expect(policy).toContain(directive);
});

test('a key that is typed in at /docs is gone with the page: the browser does not store it', async () => {
  expect((await api.anonymous().get('/docs/start.js')).text).not.toContain('persistAuthorization');
});

test('the files behind /docs are not listed', async () => {
  for (const path of ['/docs/assets', '/docs/assets/', '/docs/assets/%2e%2e/', '/docs/assets/..%2fpackage.json', '/docs/assets/.npmignore'])
    expect([path, (await api.anonymous().get(path)).status]).toEqual([path, 404]);
});
