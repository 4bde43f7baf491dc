import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';

import { uploadActivities } from '../../../activities/upload.ts';
import { createImageEngine } from '../../../src/images/engine.ts';
import type { FileStore } from '../../../src/jobs/files.ts';
import { alternativeIdFor, fileIdFor, newJobId } from '../../../src/jobs/ids.ts';
import type { VariantRequest } from '../../../src/jobs/upload.ts';
import { runActivity } from '../../support/activity.ts';
import { chunks, testFileStore } from '../../support/file-store.ts';
import { picture } from '../../support/pictures.ts';

const store = testFileStore();
const jobId = newJobId('upload', 'acme', 'k');
const dataDir = mkdtempSync(join(tmpdir(), 'handoff-images-'));
const images = createImageEngine({ dataDir });
afterAll(async () => {
  await images.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const variants: VariantRequest[] = [
  { name: 'thumb', width: 20, format: 'webp' },
  { name: 'large', width: 1_000, format: 'jpeg' },
];

const activities = (files: Pick<FileStore, 'read' | 'link' | 'stageFile' | 'find'> = store.files) =>
  uploadActivities({ images, files, fileIdFor, alternativeIdFor });

async function stored(bytes: string | Uint8Array, name = 'holiday.photo.png') {
  const facts = { id: fileIdFor(jobId, 'source'), name, contentType: 'image/png', tenant: 'acme', jobId };
  return (await store.files.stage(chunks(bytes))).commit(facts);
}

const photo = async () => stored(await picture(60, 40).png().toBuffer());

describe('inspectImage', () => {
  test('tells format and size, or null for what is no picture', async () => {
    const inspect = (file: Awaited<ReturnType<typeof stored>>) => runActivity(() => activities().inspectImage({ file }), { jobId }).result;
    expect(await inspect(await photo())).toMatchObject({ format: 'png', width: 60, height: 40 });
    store.records.clear();
    expect(await inspect(await stored('name,city\n'))).toBeNull();
  });
});

describe('renderVariants', () => {
  test('makes each variant a file of the job, under an id of its own', async () => {
    const file = await photo();
    const made = await runActivity(() => activities().renderVariants({ tenant: 'acme', file, variants }), { jobId }).result;
    expect(made.variants).toMatchObject([
      { name: 'thumb', width: 20, height: 13, format: 'webp', file: { name: 'holiday.photo-thumb.webp', contentType: 'image/webp' } },
      { name: 'large', width: 60, height: 40, format: 'jpeg', file: { name: 'holiday.photo-large.jpg', contentType: 'image/jpeg' } },
    ]);
    expect(made.variants.map((variant) => variant.file.id)).toEqual([fileIdFor(jobId, 'variant thumb'), fileIdFor(jobId, 'variant large')]);
    expect(await store.count()).toBe(3);
  });

  test('of one job after another, through the same decoder, go to the job that asked', async () => {
    const file = await photo();
    const jobs = [newJobId('upload', 'acme', 'first'), newJobId('upload', 'acme', 'second')];
    for (const id of jobs) {
      const made = await runActivity(() => activities().renderVariants({ tenant: 'acme', file, variants }), { jobId: id }).result;
      const ids = made.variants.map((variant) => variant.file.id);
      expect(ids).toEqual([fileIdFor(id, 'variant thumb'), fileIdFor(id, 'variant large')]);
      expect(ids.map((one) => store.records.get(one)?.jobId)).toEqual([id, id]);
    }
  });

  test('makes the same files in another attempt', async () => {
    const file = await photo();
    const run = (attempt: number) =>
      runActivity(() => activities().renderVariants({ tenant: 'acme', file, variants }), { jobId, attempt }).result;
    expect(await run(2)).toEqual(await run(1));
    expect([store.records.size, await store.count()]).toEqual([3, 3]);
  });

  test('makes the same picture in further formats, and tells those that are smaller', async () => {
    const file = await photo();
    const wanted: VariantRequest[] = [
      { name: 'small', width: 20, format: 'webp', alternatives: ['png'] },
      { name: 'large', width: 60, format: 'png', alternatives: ['jpeg', 'webp'] },
    ];
    const run = () => runActivity(() => activities().renderVariants({ tenant: 'acme', file, variants: wanted }), { jobId }).result;
    const { variants: made, omitted } = await run();
    const large = fileIdFor(jobId, 'variant large');
    expect(made).toMatchObject([
      { name: 'small', format: 'webp' },
      {
        ...{ name: 'large', format: 'png', width: 60, file: { id: large } },
        alternatives: [
          {
            format: 'jpeg',
            file: { id: alternativeIdFor(jobId, large, 'jpeg'), name: 'holiday.photo-large.jpg', contentType: 'image/jpeg' },
          },
          { format: 'webp', file: { id: alternativeIdFor(jobId, large, 'webp'), contentType: 'image/webp' } },
        ],
      },
    ]);
    expect([made[0]?.alternatives, omitted]).toEqual([undefined, []]);
    // Another attempt finds them all.
    const before = store.records.size;
    expect(await run()).toMatchObject({ variants: made });
    expect(store.records.size).toBe(before);
  });

  test('tells how far it is', async () => {
    const file = await photo();
    const { result, beats } = runActivity(() => activities().renderVariants({ tenant: 'acme', file, variants }), { jobId });
    await result;
    expect(beats).toEqual([
      { done: 0, total: 2, unit: 'variants', stage: 'rendering thumb' },
      { done: 1, total: 2, unit: 'variants', stage: 'rendering large' },
      { done: 2, total: 2, unit: 'variants', stage: 'looking at colours' },
    ]);
  });

  test.each([
    ['.hidden', '.hidden-thumb.webp'],
    ['no-extension', 'no-extension-thumb.webp'],
  ])('names a variant of %s %s', async (name, expected) => {
    const file = { ...(await photo()), name };
    const made = await runActivity(() => activities().renderVariants({ tenant: 'acme', file, variants: variants.slice(0, 1) }), { jobId })
      .result;
    expect(made.variants[0]?.file.name).toBe(expected);
  });

  test('fails for good when the picture is broken', async () => {
    const bytes = await picture(60, 40).png().toBuffer();
    bytes.fill(0, 60, bytes.length - 20);
    const file = await stored(bytes);
    await expect(
      runActivity(() => activities().renderVariants({ tenant: 'acme', file, variants }), { jobId }).result,
    ).rejects.toMatchObject({
      type: 'image_unreadable',
      nonRetryable: true,
    });
    expect(await store.count()).toBe(1);
  });

  test('stops when it is cancelled', async () => {
    const file = await photo();
    const running = runActivity(() => activities().renderVariants({ tenant: 'acme', file, variants }), { jobId });
    running.cancel();
    await expect(running.result).rejects.toThrow('cancelled');
    expect(await store.count()).toBe(1);
  });

  test('discards the bytes when they can not be recorded', async () => {
    const file = await photo();
    const failing: Pick<FileStore, 'read' | 'link' | 'stageFile' | 'find'> = {
      read: store.files.read.bind(store.files),
      find: store.files.find.bind(store.files),
      link: () => Promise.resolve(false),
      stageFile: async (...asked) => ({
        ...(await store.files.stageFile(...asked)),
        commit: () => Promise.reject(new Error('database away')),
      }),
    };
    const request = { tenant: 'acme', file, variants };
    await expect(runActivity(() => activities(failing).renderVariants(request), { jobId }).result).rejects.toThrow('database away');
    expect(await store.count()).toBe(1);
  });
});
