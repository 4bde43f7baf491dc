import { describe, expect, jest, test } from '@jest/globals';

import { createPresenter } from '../../../src/http/presentation.ts';
import type { StoredFile } from '../../../src/jobs/files.ts';
import { fileIdFor, newJobId } from '../../../src/jobs/ids.ts';
import type { Job } from '../../../src/jobs/job.ts';
import { jobTypeOf } from '../../../src/jobs/registry.ts';
import { jobOf, keys, tenantKeys, testApi } from '../../support/api.ts';
import { anEntry } from '../../support/audit.ts';
import { chunks } from '../../support/file-store.ts';

const api = testApi();
const jobId = newJobId('upload', 'acme', 'k');
const content = '0123456789';
const facts = { name: 'a.txt', contentType: 'text/plain', tenant: 'acme', jobId };
const noFile = { status: 404, body: expect.objectContaining({ code: 'not_found', detail: 'There is no such file.' }) as unknown };

async function stored(role = 'x'): Promise<StoredFile> {
  return (await api.store.files.stage(chunks(content))).commit({ ...facts, id: fileIdFor(jobId, role) });
}

const contentOf = ({ id }: Pick<StoredFile, 'id'>) => `/v1/files/${id}/content`;

const presenterAt = (now: number) => createPresenter({ tenantKeys, workflowUrl: undefined, now: () => now });

/** As the API would have made it at another time. */
async function linkOf(id: string, now = Date.now(), tenant = 'acme'): Promise<string> {
  const counts = { downloads: 0, maxDownloads: null, lastDownloadedAt: null, state: 'ready' as const, rejection: null, checks: null };
  const file = { ...facts, ...counts, id, size: 10, sha256: '', createdAt: new Date(0) };
  return (await presenterAt(now).files([file], tenant))[0]?.links.content ?? '';
}

function acceptedJob(typeName: string): Job {
  const type = jobTypeOf(typeName);
  if (type === undefined) throw new Error(`No job type ${typeName}`);
  const createdAt = '2026-01-01T00:00:00.000Z';
  return jobOf({ jobId: newJobId(typeName, 'acme', 'k'), type, createdAt });
}

describe('DELETE of a file', () => {
  test('is 204 once, then 404; metadata, content and links are gone at once', async () => {
    const { id } = await stored();
    const link = await linkOf(id);
    expect((await api.agent().delete(`/v1/files/${id}`)).status).toBe(204);
    for (const path of [`/v1/files/${id}`, contentOf({ id }), link]) expect(await api.agent().get(path)).toMatchObject(noFile);
    expect(await api.anonymous().get(link)).toMatchObject(noFile);
    expect(await api.agent().delete(`/v1/files/${id}`)).toMatchObject(noFile);
  });

  test('is 204 for one of many at once', async () => {
    const { id } = await stored();
    const answers = await Promise.all(Array.from({ length: 10 }, () => api.agent().delete(`/v1/files/${id}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array<number>(9).fill(404)]);
  });

  test("leaves another tenant's alone, and tells it from an unknown one in nothing", async () => {
    const { id } = await stored();
    const foreign = await api.agent(keys.other).delete(`/v1/files/${id}`);
    const unknown = await api.agent().delete(`/v1/files/${fileIdFor(jobId, 'unknown')}`);
    const told = ({ status, body }: { status: number; body: unknown }) => [status, { ...(body as object), instance: '', requestId: '' }];
    expect(told(foreign)).toEqual(told(unknown));
    expect(foreign).toMatchObject(noFile);
    expect((await api.agent().get(contentOf({ id }))).text).toBe(content);
  });

  test('needs a key: a signed link lets nobody delete', async () => {
    const { id } = await stored();
    const [, query = ''] = (await linkOf(id)).split('?');
    for (const path of [`/v1/files/${id}`, `/v1/files/${id}?${query}`, `${contentOf({ id })}?${query}`])
      expect((await api.anonymous().delete(path)).status).toBe(401);
    expect(api.store.records.has(id)).toBe(true);
  });

  test('leaves a job that names the file readable', async () => {
    const { id, ...facts } = await stored();
    const job = { ...acceptedJob('report'), result: { rows: 1, files: [{ id, ...facts, format: 'csv' }] } };
    api.jobs = { get: () => Promise.resolve(job) };
    await api.agent().delete(`/v1/files/${id}`);
    const response = await api.agent().get(`/v1/jobs/${job.id}`);
    expect([response.status, response.body]).toEqual([200, expect.objectContaining({ result: expect.objectContaining({ rows: 1 }) })]);
  });
});

describe('a signed link', () => {
  const hour = 60 * 60 * 1000;
  const start = Date.UTC(2026, 0, 1, 12);
  const expiryOf = (link: string) => Number(new URL(link, 'http://x').searchParams.get('expires')) * 1000;

  test('gives the content without a key, as with one: whole, in part, and as HEAD', async () => {
    const { id, sha256 } = await stored();
    const link = await linkOf(id);
    const whole = await api.anonymous().get(link);
    expect([whole.status, whole.text]).toEqual([200, content]);
    expect(whole.headers).toMatchObject({
      'content-disposition': 'attachment; filename=a.txt',
      'x-content-type-options': 'nosniff',
      etag: `"${sha256}"`,
    });
    expect(await api.anonymous().get(link).set('Range', 'bytes=0-3')).toMatchObject({ status: 206, text: '0123' });
    expect((await api.anonymous().head(link)).get('Content-Length')).toBe('10');
    expect(api.lookups).toEqual([]);
  });

  test('works with a key, too, after it has expired; a wrong key stays wrong', async () => {
    const { id } = await stored();
    const expired = await linkOf(id, start);
    expect(await api.agent().get(expired)).toMatchObject({ status: 200, text: content });
    expect((await api.agent('hk_wrong').get(await linkOf(id))).status).toBe(401);
  });

  test.each([0, 1, hour / 2, hour - 1])('made %d ms after the full hour works for one to two hours, and ends on a full one', async (ms) => {
    const { id } = await stored();
    const left = expiryOf(await linkOf(id, start + ms)) - (start + ms);
    expect(left).toBeGreaterThan(hour);
    expect(left).toBeLessThanOrEqual(2 * hour);
    expect((start + ms + left) % hour).toBe(0);
  });

  test('is the same within the hour, and another in the next', async () => {
    const { id } = await stored();
    expect(await linkOf(id, start)).toBe(await linkOf(id, start + hour - 1));
    expect(await linkOf(id, start)).not.toBe(await linkOf(id, start + hour));
  });

  test('that has expired is told so: 403, link_expired, and nobody caches that', async () => {
    const { id } = await stored();
    const response = await api.anonymous().get(await linkOf(id, Date.now() - 2 * hour));
    expect(response).toMatchObject({ status: 403, body: { code: 'link_expired', status: 403, retryable: false } });
    for (const name of ['ETag', 'Content-Disposition']) expect(response.get(name)).toBeUndefined();
    expect(response.get('Cache-Control')).toBe('no-store');
    // The signature is a secret until the link expires; problems are logged and passed on.
    expect(JSON.stringify(response.body)).not.toContain('signature');
  });

  test('of a file that is deleted is 404, expired or not', async () => {
    const { id } = await stored();
    const links = [await linkOf(id), await linkOf(id, start)];
    await api.store.files.remove('acme', id, anEntry());
    for (const link of links) expect(await api.anonymous().get(link)).toMatchObject(noFile);
  });

  test('that we did not make is 404, like one to an unknown file', async () => {
    const { id } = await stored();
    const { id: other } = await stored('other');
    const link = await linkOf(id);
    const later = String(expiryOf(link) / 1000 + 3600);
    const [, signature = ''] = link.split('signature=');
    const forged = [
      link.replace(id, other),
      link.replace(id, fileIdFor(jobId, 'unknown')),
      link.replace(/expires=\d+/, `expires=${later}`),
      link.replace('expires=', 'expires=0'),
      link.replace(/expires=\d+&/, ''),
      `${link}&expires=${later}`,
      `${link}&signature=${signature}`,
      link.replace(signature, ''),
      link.replace(signature, signature.slice(1)),
      `${link}A`,
      `${link}=`,
      link.replace(signature, 'é'.repeat(43)),
      // Every other last character: in base64url four of them stand for the same bytes.
      ...Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
        .filter((last) => !link.endsWith(last))
        .map((last) => link.slice(0, -1) + last),
      await linkOf(id, Date.now(), 'other'),
    ].map(encodeURI);
    for (const bad of forged) expect([bad, await api.anonymous().get(bad)]).toEqual([bad, expect.objectContaining(noFile)]);
    expect(await api.anonymous().get(link)).toMatchObject({ status: 200 });
  });

  test('without its signature is a request without a key: 401', async () => {
    const { id } = await stored();
    for (const query of ['', '?expires=9999999999']) expect((await api.anonymous().get(contentOf({ id }) + query)).status).toBe(401);
  });

  test('is good for the content of a file only', async () => {
    const { id } = await stored();
    const [, query = ''] = (await linkOf(id)).split('?');
    for (const path of [`/v1/files/${id}`, `/v1/jobs/${jobId}`]) expect((await api.anonymous().get(`${path}?${query}`)).status).toBe(401);
  });

  test('stands in the metadata and in the result of a job, and in both as it works', async () => {
    const { id, ...facts } = await stored();
    const job = { ...acceptedJob('report'), result: { rows: 1, files: [{ id, ...facts, format: 'csv' }] } };
    api.jobs = { get: () => Promise.resolve(job) };
    const { links } = (await api.agent().get(`/v1/files/${id}`)).body as { links: { content: string } };
    const shown = (await api.agent().get(`/v1/jobs/${job.id}`)).body as { result: { files: { links: { content: string } }[] } };
    for (const link of [links.content, shown.result.files[0]?.links.content ?? ''])
      expect(await api.anonymous().get(link)).toMatchObject({ status: 200, text: content });
  });

  test('is not asked for where a job has no result, so that a new job is answered without the database', async () => {
    const mac = jest.spyOn(tenantKeys, 'mac');
    await presenterAt(start).job(acceptedJob('email'), 'acme');
    expect(mac).not.toHaveBeenCalled();
  });
});
