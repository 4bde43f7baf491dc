import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';

import { resolve } from '../../../activities/claim-check.ts';
import { fitsPayload, spool, spoolJson } from '../../../src/jobs/claim-check.ts';
import type { Submission } from '../../../src/jobs/definition.ts';
import { newJobId } from '../../../src/jobs/ids.ts';
import { testFileStore } from '../../support/file-store.ts';
import { noTemplates } from '../../support/templates.ts';

const store = testFileStore();
const jobId = newJobId('email', 'acme', 'k');
const submission = (changes: Partial<Submission> = {}): Submission => ({
  tenant: 'acme',
  jobId,
  createdAt: '2026-11-22T12:00:00.000Z',
  files: store.files,
  templates: noTemplates,
  ...changes,
});

describe('a small value', () => {
  test('stays in the payload', async () => {
    const value = { text: 'Hi' };
    expect(await spoolJson(value, submission())).toBe(value);
    expect(await store.count()).toBe(0);
  });

  test('is one of up to 32 KiB of JSON, counted in bytes', () => {
    expect(fitsPayload('x'.repeat(32 * 1024 - 2))).toBe(true);
    expect(fitsPayload('x'.repeat(32 * 1024 - 1))).toBe(false);
    expect(fitsPayload('ø'.repeat(16 * 1024 - 1))).toBe(true);
    expect(fitsPayload('ø'.repeat(16 * 1024))).toBe(false);
  });
});

describe('a large value', () => {
  const large = { text: 'Grüße 🦌 \u2028 '.repeat(5_000) };

  test('goes into a file of the tenant and job, and comes back as it was', async () => {
    const reference = await spoolJson(large, submission());
    if (!('file' in reference)) throw new Error('not spooled');
    expect(reference.file).toMatchObject({ contentType: 'application/json', name: 'content.json' });
    expect(store.records.get(reference.file.id)).toMatchObject({ tenant: 'acme', jobId });
    expect(await resolve<typeof large>(reference, store.files)).toEqual(large);
    expect(fitsPayload(reference)).toBe(true);
  });

  test('is the same file when the same bytes come again, and another one for other bytes or another job', async () => {
    const idOf = async (value: object, of = submission()) => ((await spoolJson(value, of)) as { file: { id: string } }).file.id;
    const first = await idOf(large);
    expect(await idOf(large)).toBe(first);
    expect(await idOf({ text: `${large.text}!` })).not.toBe(first);
    expect(await idOf(large, submission({ jobId: newJobId('email', 'acme', 'other') }))).not.toBe(first);
  });
});

test('spooled bytes are stored as they are', async () => {
  const file = await spool([Buffer.from('a,'), Buffer.from('b\n')], { name: 'x.csv', contentType: 'text/csv' }, submission());
  expect(file).toMatchObject({ name: 'x.csv', contentType: 'text/csv', size: 4 });
  expect((await buffer(store.files.read(file))).toString()).toBe('a,b\n');
});
