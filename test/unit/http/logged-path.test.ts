import { expect, test } from '@jest/globals';

import { testApi } from '../../support/api.ts';

const api = testApi();
const id = `email_${'a'.repeat(26)}`;

async function loggedFor(path: string): Promise<string | undefined> {
  await api.agent().get(path);
  return api.answers.at(-1)?.path;
}

test.each([
  ['/livez', '/livez'],
  [`/v1/jobs/${id}/explain`, `/v1/jobs/${id}/explain`],
  [`/v1/api-keys/key_${'0'.repeat(26)}`, `/v1/api-keys/key_${'0'.repeat(26)}`],
  ['/v1/jobs?label=name:Ada', '/v1/jobs'],
])('the log names %s as %s', async (path, logged) => {
  expect(await loggedFor(path)).toBe(logged);
});

test.each([
  ['/v1/jobs/ada@example.com', '/v1/jobs/…'],
  ['/v1/files/ada', '/v1/files/…'],
  ['/ada/grace', '/…/…'],
  [`/v1/jobs/${id}x/cancel`, '/v1/jobs/…/cancel'],
  ['/v1/jobs/%0A%1B[31m', '/v1/jobs/…'],
  [`/${'a/'.repeat(100)}`, '/…/…/…/…/…/…/…'],
])('what a caller has put into %s is not in the log', async (path, logged) => {
  expect(await loggedFor(path)).toBe(logged);
});
