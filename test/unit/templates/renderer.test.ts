import { expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import { createTemplateRenderer } from '../../../src/templates/renderer.ts';

const now = new Date('2026-11-22T12:00:00Z');

/** Tenant, name and version are the text. */
function renderer() {
  const asked: string[] = [];
  const away = { is: false };
  const templates = createTemplateRenderer({
    partsOf(tenant, name, version) {
      asked.push(`${tenant} ${name} ${String(version)}`);
      if (away.is) return Promise.reject(new AppError('database_unavailable', 'The database does not answer.', { retryable: true }));
      const parts = { subject: `${tenant} ${name} ${String(version)} {{ x }}`, html: null, text: null };
      return Promise.resolve(name === 'unknown' ? undefined : parts);
    },
  });
  const subject = async (tenant: string, name: string, version: number) =>
    (await templates.render(tenant, { name, version }, { x: 'y' }, now)).subject;
  return { asked, away, subject };
}

test('a version is read once; other versions, names and tenants have their own', async () => {
  const { asked, subject } = renderer();
  for (let round = 0; round < 3; round++)
    expect([await subject('a', 'n', 1), await subject('a', 'n', 2), await subject('b', 'n', 1)]).toEqual(['a n 1 y', 'a n 2 y', 'b n 1 y']);
  expect(asked).toEqual(['a n 1', 'a n 2', 'b n 1']);
});

test('of many versions the one in use is kept', async () => {
  const { asked, subject } = renderer();
  for (let version = 1; version <= 300; version++) {
    await subject('a', 'n', version);
    await subject('a', 'in-use', 1);
  }
  expect(asked.filter((one) => one === 'a in-use 1')).toHaveLength(1);
  await subject('a', 'n', 1);
  expect(asked.filter((one) => one === 'a n 1')).toHaveLength(2);
});

test('a version that is gone fails for good; a database that is away does not', async () => {
  const { away, subject } = renderer();
  await expect(subject('a', 'unknown', 1)).rejects.toMatchObject({ code: 'template_failed', retryable: false });
  away.is = true;
  await expect(subject('a', 'n', 1)).rejects.toMatchObject({ code: 'database_unavailable', retryable: true });
  away.is = false;
  expect(await subject('a', 'n', 1)).toBe('a n 1 y');
});
