import { describe, expect, test } from '@jest/globals';

import { keys, testApi } from '../../support/api.ts';
import { picture } from '../../support/pictures.ts';

const api = testApi();
const path = '/v1/upload-presets/avatar';
const avatar = {
  accept: ['image/*'],
  maxBytes: 5_000,
  variants: [{ name: 'avatar', width: 64, height: 64, fit: 'cover', position: 'attention', format: 'webp' }],
  camera: 'leave',
};

const put = (body: object = avatar) => api.agent().put(path).send(body);
const inputOf = (index: number) => api.started[index]?.input as Record<string, unknown>;
const upload = (bytes: Buffer | string, name: string, request: object) =>
  api.agent().post('/v1/uploads').field('request', JSON.stringify(request)).attach('file', Buffer.from(bytes), name);
const photo = () => picture(30, 20).jpeg().toBuffer();

describe('PUT /v1/upload-presets/{name}', () => {
  test('makes a version that never changes, and none for the same body', async () => {
    const first = await put().expect(201);
    expect(first.headers).toMatchObject({ etag: '"1"', location: `${path}/versions/1` });
    expect(first.body).toEqual({
      ...{ name: 'avatar', version: 1, description: null, createdAt: expect.any(String), ...avatar },
      links: { self: path, version: `${path}/versions/1`, versions: `${path}/versions` },
    });
    expect((await put().expect(200)).body).toEqual(first.body);
    await put({ accept: ['image/png'], description: 'For people' }).expect(201);
    const nothing = { maxBytes: null, variants: null, camera: null };
    expect((await api.agent().get(path).expect(200)).body).toMatchObject({ version: 2, accept: ['image/png'], ...nothing });
    expect((await api.agent().get(`${path}/versions/1`).expect(200)).body).toEqual(first.body);
  });

  test('has a list of names, and one of the versions of each', async () => {
    await put();
    await put({ description: 'For people' });
    const second = { name: 'avatar', version: 2, description: 'For people' };
    const { items, nextCursor } = (await api.agent().get('/v1/upload-presets').expect(200)).body as { items: object[]; nextCursor: null };
    expect([items, nextCursor]).toMatchObject([[second], null]);
    const page = (await api.agent().get(`${path}/versions?limit=1`).expect(200)).body as { items: object[]; nextCursor: string };
    expect(page.items).toEqual(items);
    const rest = await api.agent().get(`${path}/versions?cursor=${page.nextCursor}`).expect(200);
    expect(rest.body).toMatchObject({ items: [{ version: 1, description: null }], nextCursor: null });
    await api.agent(keys.other).get(`${path}/versions`).expect(404);
  });

  test('overwrites nothing that somebody else has put meanwhile', async () => {
    await put();
    expect((await put({}).set('If-None-Match', '*').expect(412)).body).toMatchObject({ code: 'precondition_failed' });
    await put({}).set('If-Match', '"1"').expect(201);
  });

  test.each([
    ['/accept/0', { accept: ['pictures'] }],
    ['/variants/0/fit', { variants: [{ name: 'a', width: 1, fit: 'cover', format: 'webp' }] }],
    ['/maxBytes', { maxBytes: 0 }],
  ])('refuses what is wrong at %s', async (pointer, body) => {
    expect((await put(body).expect(400)).body).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
  });

  test('is of one tenant, and gone for new jobs once it is removed', async () => {
    await put();
    expect((await api.agent(keys.other).get(path)).status).toBe(404);
    expect((await api.agent().delete(path)).status).toBe(204);
    expect((await api.agent().get(path)).status).toBe(404);
    expect((await api.agent().delete(path)).status).toBe(404);
  });
});

describe('an upload with a preset', () => {
  test('gets its variants, and says which version it was', async () => {
    await put();
    await upload(await photo(), 'a.jpg', { preset: 'avatar' }).expect(202);
    expect(inputOf(0)).toMatchObject({ variants: avatar.variants, preset: { name: 'avatar', version: 1 }, camera: 'leave' });
  });

  test('takes an older version when it is named', async () => {
    await put();
    await put({ accept: ['image/*'], variants: [] });
    await upload(await photo(), 'a.jpg', { preset: 'avatar', presetVersion: 1 }).expect(202);
    expect(inputOf(0)).toMatchObject({ variants: avatar.variants });
  });

  test('is refused for a file that the preset does not take, and leaves nothing behind', async () => {
    await put();
    const text = await upload('name,city\n', 'a.csv', { preset: 'avatar' }).expect(400);
    expect(text.body).toMatchObject({ code: 'file_not_accepted', errors: [{ pointer: '/file' }] });
    const large = await upload(await picture(200, 200).png().toBuffer(), 'a.png', { preset: 'avatar' }).expect(400);
    expect(large.body).toMatchObject({ code: 'file_not_accepted' });
    expect([api.started.length, await api.store.count()]).toEqual([0, 0]);
  });

  test.each([
    ['/request/preset', 'preset_not_found', { preset: 'unknown' }],
    ['/request/presetVersion', 'preset_not_found', { preset: 'avatar', presetVersion: 9 }],
    ['/request/variants', 'invalid_request', { preset: 'avatar', variants: [] }],
    ['/request/preset', 'invalid_request', { presetVersion: 1 }],
  ])('is refused at %s: %s', async (pointer, code, request) => {
    await put();
    expect((await upload(await photo(), 'a.jpg', request).expect(400)).body).toMatchObject({ code, errors: [{ pointer }] });
  });
});

describe('POST /v1/uploads/reprocess', () => {
  const reprocess = (body: object) => api.agent().post('/v1/uploads/reprocess').send(body);

  test('takes a file that is there through the steps once more', async () => {
    await put();
    await upload(await photo(), 'a.jpg', {}).expect(202);
    const { file } = inputOf(0) as { file: { id: string } };
    await reprocess({ fileId: file.id, preset: 'avatar' }).expect(202);
    expect(inputOf(1)).toEqual({ file, variants: avatar.variants, preset: { name: 'avatar', version: 1 }, camera: 'leave' });
    await reprocess({ fileId: file.id, variants: [{ name: 'a', width: 1, format: 'png' }] }).expect(202);
    expect(await api.store.count()).toBe(1);
  });

  test('tells a file that is not there, or is foreign, from none that the preset takes', async () => {
    await put();
    await upload('name,city\n', 'a.csv', {}).expect(202);
    const { file } = inputOf(0) as { file: { id: string } };
    expect((await reprocess({ fileId: 'file_unknown', preset: 'avatar' }).expect(400)).body).toMatchObject({ code: 'file_not_found' });
    const foreign = await api.agent(keys.other).post('/v1/uploads/reprocess').send({ fileId: file.id }).expect(400);
    expect(foreign.body).toMatchObject({ code: 'file_not_found', errors: [{ pointer: '/fileId' }] });
    expect((await reprocess({ fileId: file.id, preset: 'avatar' }).expect(400)).body).toMatchObject({ code: 'file_not_accepted' });
  });
});
