import { describe, expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import { preferredWait } from '../../../src/http/waiting.ts';
import type { Job } from '../../../src/jobs/job.ts';
import { aJob, testApi } from '../../support/api.ts';
import { eventually } from '../../support/eventually.ts';

const api = testApi();
const { id } = aJob({});
const path = `/v1/jobs/${id}`;
const email = { to: ['ada@example.com'], subject: 'Hello', text: 'Hi' };
const away = () => Promise.reject(new AppError('temporal_unavailable', 'away', { retryable: true, retryAfterSeconds: 5 }));

/** What the job is now; counts the looks. */
function is(changes: Partial<Job>): { looks: number } {
  const counted = { looks: 0 };
  const job = aJob({ id, ...changes });
  api.jobs.get = (tenant, asked) => {
    counted.looks++;
    return Promise.resolve(tenant === 'acme' ? { ...job, id: asked } : undefined);
  };
  return counted;
}

const watched = (jobs: number) =>
  eventually(
    () => {
      expect(api.watcher.jobs()).toBe(jobs);
    },
    { every: 10 },
  );
/** Somebody waits for the job. */
const waitedFor = () => watched(1);
const waitedForNoMore = () => watched(0);

describe('the Prefer header', () => {
  test.each([
    ['wait=10', 10],
    ['respond-async, wait=10', 10],
    ['respond-async;foo=1 , Wait = 7 ; bar="x"', 7],
    ['wait="5"', 5],
    ['foo="a, wait=9", wait=3', 3],
    ['wait=3, wait=9', 3],
    ['wait=31', 30],
    ['wait=99999999999999999999', 30],
  ])('%s means %d seconds', (header, seconds) => {
    expect(preferredWait(header)).toBe(seconds);
  });

  test.each([
    [undefined],
    [''],
    ['wait'],
    ['wait='],
    ['wait=0'],
    ['wait=-1'],
    ['wait=1.5'],
    ['wait=ten'],
    ['wait=x, wait=9'],
    ['foo="wait=9'],
    ['foo="a, wait=9"'],
    ['await=9'],
    [`${'"\\"'.repeat(5_000)}, wait=9`],
  ])('%s means nothing', (header) => {
    expect(preferredWait(header)).toBeUndefined();
  });
});

describe('GET of a job with ?wait=N', () => {
  test('answers with the finished job as soon as it has finished', async () => {
    is({ status: 'running' });
    const pending = api
      .agent()
      .get(`${path}?wait=30`)
      .then((response) => response);
    await waitedFor();
    is({ status: 'completed', result: { messages: [] } });
    const response = await pending;
    expect([response.status, response.body]).toMatchObject([200, { id, status: 'completed' }]);
    await waitedForNoMore();
  });

  test.each(['completed', 'failed', 'cancelled', 'expired'] as const)('does not wait for a job that is %s', async (status) => {
    const counted = is({ status });
    const response = await api.agent().get(`${path}?wait=30`);
    expect([response.status, response.body, counted.looks]).toMatchObject([200, { status }, 1]);
  });

  test('answers with the job as it is when the time is over', async () => {
    is({ status: 'queued' });
    const pending = api
      .agent()
      .get(`${path}?wait=1`)
      .then((response) => response);
    await waitedFor();
    is({ status: 'retrying' });
    const response = await pending;
    expect([response.status, response.body]).toMatchObject([200, { status: 'retrying' }]);
  });

  test('waits for fifty with one watch', async () => {
    is({ status: 'running' });
    const pending = Array.from({ length: 50 }, () =>
      api
        .agent()
        .get(`${path}?wait=30`)
        .then(({ body }) => body as { status: string }),
    );
    await waitedFor();
    is({ status: 'completed' });
    expect((await Promise.all(pending)).filter(({ status }) => status === 'completed')).toHaveLength(50);
  });

  test.each(['-1', '31', '1.5', 'ten', '', '1e1', '+1', '1&wait=2'])('refuses wait=%s', async (wait) => {
    is({ status: 'running' });
    const response = await api.agent().get(`${path}?wait=${wait}`);
    expect([response.status, response.body]).toMatchObject([
      400,
      { code: 'value_out_of_range', errors: [{ pointer: '#query:wait', detail: 'must be a whole number from 0 to 30' }] },
    ]);
  });

  test.each(['0', '30'])('is 404 at once for a job that is unknown or not theirs, with wait=%s', async (wait) => {
    expect((await api.agent().get(`${path}?wait=${wait}`)).status).toBe(404);
    is({ status: 'running' });
    expect((await api.agent('hk_other_0123456789').get(`${path}?wait=${wait}`)).status).toBe(404);
  });

  test('ends with the client', async () => {
    is({ status: 'running' });
    const pending = api.agent().get(`${path}?wait=30`);
    pending.end(() => undefined);
    await waitedFor();
    pending.abort();
    await waitedForNoMore();
    expect(api.unexpected).toEqual([]);
  });

  test('answers at once with what is known when the process stops', async () => {
    is({ status: 'running' });
    const pending = api
      .agent()
      .get(`${path}?wait=30`)
      .then((response) => response);
    await waitedFor();
    api.watcher.close();
    const response = await pending;
    expect([response.status, response.body]).toMatchObject([200, { status: 'running' }]);
  });

  test('is the same as Prefer: wait=N, which says that it was applied', async () => {
    is({ status: 'running' });
    const pending = api
      .agent()
      .get(path)
      .set('Prefer', 'wait=99')
      .then((response) => response);
    await waitedFor();
    is({ status: 'completed' });
    const response = await pending;
    expect([response.body, response.get('Preference-Applied')]).toMatchObject([{ status: 'completed' }, 'wait=30']);
  });
});

describe('the ETag of a job', () => {
  test('gives 304 for as long as nothing has changed, to be asked again each time', async () => {
    is({ status: 'running' });
    const first = await api.agent().get(path);
    expect(first.get('Cache-Control')).toBe('private, no-cache');
    expect(first.get('Content-Type')).toBe('application/json; charset=utf-8');
    const etag = first.get('ETag') ?? '';
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    const again = await api.agent().get(path).set('If-None-Match', etag);
    expect([again.status, again.text, again.get('ETag')]).toEqual([304, '', etag]);
    expect(again.get('Cache-Control')).toBe('private, no-cache');
    is({ status: 'running', progress: { done: 1, total: 2, unit: 'rows', stage: 'rendering' } });
    const changed = await api.agent().get(path).set('If-None-Match', etag);
    expect(changed.status).toBe(200);
    expect(changed.get('ETag')).not.toBe(etag);
  });

  test.each([
    ['a weak one', (etag: string) => `W/${etag}`],
    ['one of several', (etag: string) => `"a", ${etag}`],
    ['any', () => '*'],
  ])('is known by %s, whatever is said to caches', async (_name, ifNoneMatch) => {
    is({ status: 'running' });
    const etag = (await api.agent().get(path)).get('ETag') ?? '';
    // As fetch does with every condition.
    const again = await api
      .agent()
      .get(path)
      .set({ 'If-None-Match': ifNoneMatch(etag), 'Cache-Control': 'no-cache' });
    expect(again.status).toBe(304);
  });

  test('is that of HEAD, too', async () => {
    is({ status: 'running' });
    const [got, head] = [await api.agent().get(path), await api.agent().head(path)];
    expect([head.status, head.get('ETag'), head.text]).toEqual([200, got.get('ETag'), undefined]);
  });

  test('with wait: answers at the first change', async () => {
    is({ status: 'queued' });
    const etag = (await api.agent().get(path)).get('ETag') ?? '';
    const pending = api
      .agent()
      .get(`${path}?wait=30`)
      .set('If-None-Match', etag)
      .then((response) => response);
    await waitedFor();
    is({ status: 'running' });
    const response = await pending;
    expect([response.status, response.body]).toMatchObject([200, { status: 'running' }]);
  });

  test('with wait: 304 when there was no change in that time', async () => {
    is({ status: 'queued' });
    const etag = (await api.agent().get(path)).get('ETag') ?? '';
    const response = await api.agent().get(`${path}?wait=1`).set('If-None-Match', etag);
    expect(response.status).toBe(304);
  });

  test('is not on an error', async () => {
    let looks = 0;
    api.jobs.get = () => (++looks < 3 ? Promise.resolve(aJob({ id, status: 'running' })) : Promise.resolve(undefined));
    const response = await api.agent().get(`${path}?wait=30`);
    expect([response.status, response.get('ETag'), response.get('Cache-Control')]).toEqual([404, undefined, 'no-store']);
  });
});

describe('a submission with Prefer: wait=N', () => {
  const post = (prefer: string) => api.agent().post('/v1/emails').set('Prefer', prefer).send(email);

  test('is answered with 200 and the finished job', async () => {
    is({ status: 'queued' });
    const pending = post('respond-async, wait=20').then((response) => response);
    await waitedFor();
    is({ status: 'failed' });
    const response = await pending;
    const [{ jobId } = { jobId: '' }] = api.started;
    expect([response.status, response.body]).toMatchObject([200, { id: jobId, status: 'failed' }]);
    expect(response.get('Preference-Applied')).toBe('wait=20');
    expect(response.get('Location')).toBe(`/v1/jobs/${jobId}`);
    expect(response.get('Retry-After')).toBeUndefined();
  });

  test('is answered with 202 and the job as it is when the time was not enough', async () => {
    is({ status: 'running' });
    const response = await post('wait=1');
    expect([response.status, response.body]).toMatchObject([202, { status: 'running' }]);
    expect([response.get('Preference-Applied'), response.get('Retry-After')]).toEqual(['wait=1', '1']);
    expect(response.get('Location')).toBe(`/v1/jobs/${String(api.started[0]?.jobId)}`);
  });

  test.each(['wait=0', 'wait=x', 'respond-async'])('is answered at once with Prefer: %s', async (prefer) => {
    const counted = is({ status: 'running' });
    const response = await post(prefer);
    expect([response.status, response.get('Preference-Applied'), counted.looks]).toEqual([202, undefined, 0]);
  });

  test('says that it is a replay', async () => {
    is({ status: 'completed' });
    api.jobs.start = ({ jobId }) => Promise.resolve({ started: false, job: aJob({ id: jobId, status: 'running' }) });
    const response = await post('wait=20').set('Idempotency-Key', 'k');
    expect([response.status, response.get('Idempotency-Replayed')]).toEqual([200, 'true']);
  });

  test('is accepted, not in doubt, when Temporal goes away after the start', async () => {
    api.jobs.get = away;
    const response = await post('wait=20');
    expect([response.status, response.body]).toMatchObject([202, { status: 'queued' }]);
  });

  test('is accepted at once when the process stops', async () => {
    is({ status: 'running' });
    const pending = post('wait=30').then((response) => response);
    await waitedFor();
    api.watcher.close();
    expect((await pending).status).toBe(202);
  });

  test('keeps no upload on the disk while it waits', async () => {
    is({ status: 'running' });
    api.jobs.earlier = ({ jobId, type }) => Promise.resolve(aJob({ id: jobId, type: type.type }));
    const pending = api
      .agent()
      .post('/v1/uploads')
      .set('Prefer', 'wait=30')
      .set('Idempotency-Key', 'k')
      .attach('file', Buffer.from('text'), 'a.txt')
      .then((response) => response);
    await waitedFor();
    expect(await api.store.count()).toBe(0);
    api.watcher.close();
    expect((await pending).status).toBe(202);
  });
});
