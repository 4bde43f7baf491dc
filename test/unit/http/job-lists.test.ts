import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { AppError } from '../../../src/errors.ts';
import type { JobFilter } from '../../../src/jobs/job-lists.ts';
import type { JobSummary } from '../../../src/jobs/job.ts';
import { jobOptions } from '../../../src/jobs/options.ts';
import { keys, testApi } from '../../support/api.ts';

const api = testApi();

const parked: JobSummary = {
  id: 'email_favhp5ge2rm62zof2zj3sgeyag',
  type: 'email',
  status: 'dead_lettered',
  createdAt: new Date('2026-11-22T13:25:38.095Z'),
  startAt: null,
  finishedAt: null,
  priority: 2,
  labels: { order: '42' },
  deadLetter: {
    step: 'deliverEmail',
    reasonClass: 'transient',
    error: { code: 'mail_refused_for_now', message: '451 later' },
    attempts: 3,
    redrives: 1,
    since: new Date('2026-11-22T13:30:00Z'),
    closesAt: new Date('2026-12-22T13:30:00Z'),
  },
};

interface Asked {
  tenant: string;
  filter: JobFilter;
  page?: { limit: number; cursor?: string };
}

/** What the job client is asked for. */
function listening(nextCursor: string | null = null): Asked[] {
  const asked: Asked[] = [];
  api.jobs.list = (tenant, filter, page) => {
    asked.push({ tenant, filter, page });
    return Promise.resolve({ items: [parked], nextCursor });
  };
  api.jobs.count = (tenant, filter) => {
    asked.push({ tenant, filter });
    return Promise.resolve({ scheduled: 1, running: 2, dead_lettered: 3, completed: 4, failed: 5, cancelled: 6, expired: 7 });
  };
  return asked;
}

describe('GET /v1/jobs', () => {
  test('shows the jobs of the asking tenant, a dead letter with failed step, reason class, attempts and since when', async () => {
    const asked = listening();
    const response = await api.agent().get('/v1/jobs').expect(200);
    expect(asked).toEqual([{ tenant: 'acme', filter: {}, page: { limit: 50 } }]);
    const self = `/v1/jobs/${parked.id}`;
    expect(response.body).toEqual({
      items: [
        {
          ...parked,
          createdAt: '2026-11-22T13:25:38.095Z',
          deadLetter: {
            step: 'deliverEmail',
            reasonClass: 'transient',
            attempts: 3,
            redrives: 1,
            since: '2026-11-22T13:30:00.000Z',
            closesAt: '2026-12-22T13:30:00.000Z',
            error: expect.objectContaining({ code: 'mail_refused_for_now', detail: '451 later', retryable: true }),
          },
          links: expect.objectContaining({ self, cancel: `${self}/cancel` }),
        },
      ],
      nextCursor: null,
    });
    expect(response.headers).not.toHaveProperty('link');
    expect(response.headers).toMatchObject({ 'cache-control': 'no-store' });
    await api.agent(keys.other).get('/v1/jobs').expect(200);
    expect(asked[1]).toMatchObject({ tenant: 'other' });
    await api.anonymous().get('/v1/jobs').expect(401);
  });

  test('takes all filters at once, types and statuses repeated or separated by commas', async () => {
    const asked = listening();
    await api
      .agent()
      .get('/v1/jobs?type=email,report&type=upload&status=failed&status=dead_lettered,running&label=order:42&label=a=b:c%3Dd')
      .query({ createdAfter: '2026-11-22T13:00:00+02:00', createdBefore: '2026-11-23T00:00:00Z', limit: '200', cursor: 'abc' })
      .expect(200);
    expect(asked).toEqual([
      {
        tenant: 'acme',
        filter: {
          types: ['email', 'report', 'upload'],
          statuses: ['failed', 'dead_lettered', 'running'],
          labels: [
            { key: 'order', value: '42' },
            { key: 'a', value: 'b:c=d' },
          ],
          createdAfter: new Date('2026-11-22T11:00:00Z'),
          createdBefore: new Date('2026-11-23T00:00:00Z'),
        },
        page: { limit: 200, cursor: 'abc' },
      },
    ]);
  });

  test('finds a job by any label that a submission may have', async () => {
    const asked = listening();
    const labels = fc.tuple(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/), fc.string({ unit: 'grapheme', maxLength: 20 }));
    await fc.assert(
      fc.asyncProperty(labels, fc.constantFrom(':', '='), async ([key, value], separator) => {
        fc.pre(jobOptions.safeParse({ labels: { [key]: value } }).success);
        await api
          .agent()
          .get('/v1/jobs')
          .query({ label: `${key}${separator}${value}` })
          .expect(200);
        expect(asked.at(-1)?.filter.labels).toEqual([{ key, value }]);
      }),
      { numRuns: 30 },
    );
  });

  test('leads to the next page, with the same filters', async () => {
    const asked = listening('bmV4dA');
    const first = await api.agent().get('/v1/jobs?status=failed,expired&label=a:%26b&limit=2').expect(200);
    expect(first.body).toMatchObject({ nextCursor: 'bmV4dA' });
    const [, next] = /^<(.+)>; rel="next"$/.exec(first.headers['link'] as string) ?? [];
    expect(next).toMatch(/^\/v1\/jobs\?/);
    const second = await api.agent().get(String(next)).expect(200);
    expect(asked[1]).toEqual({ ...asked[0], page: { limit: 2, cursor: 'bmV4dA' } });
    // The cursor is replaced, not added.
    expect(second.headers['link']).toBe(first.headers['link']);
  });

  test.each([
    ['an unknown parameter', 'colour=red', ['colour']],
    ['a parameter in brackets', 'type[]=email', ['type[]']],
    ['a prototype', '__proto__=1', ['__proto__']],
    ['an unknown type', 'type=fax', ['type']],
    ['no type', 'type=', ['type']],
    ['one unknown type among others', 'type=email,fax', ['type']],
    ['an unknown status', 'status=lost', ['status']],
    ['queued, which lists cannot tell', 'status=queued', ['status']],
    ['retrying, which lists cannot tell', 'status=failed&status=retrying', ['status']],
    ['cancelling, which lists cannot tell', 'status=cancelling', ['status']],
    ['a label without a value', 'label=order', ['label']],
    ['a label without a key', 'label=:42', ['label']],
    ['a label whose key no job can have', 'label=a%20b:42', ['label']],
    ['more labels than a job can have', Array.from({ length: 9 }, (_, n) => `label=a:${String(n)}`).join('&'), ['label']],
    ['a time without an offset', 'createdAfter=2026-11-22T13:00:00', ['createdAfter']],
    ['a date', 'createdBefore=2026-11-22', ['createdBefore']],
    ['a day that does not exist', 'createdBefore=2026-02-30T00:00:00Z', ['createdBefore']],
    ['an offset whose + was not escaped', 'createdAfter=2026-11-22T13:00:00+02:00', ['createdAfter']],
    ['a single value given twice', 'limit=1&limit=1', ['limit']],
    ['a number that is none', 'limit=ten', ['limit']],
    ['a fraction', 'limit=1.5', ['limit']],
    ['several faults', 'type=fax&limit=0&x=1', ['x', 'type', 'limit']],
  ])('refuses %s', async (_what, query, names) => {
    const asked = listening();
    const response = await api.agent().get(`/v1/jobs?${query}`).expect(400);
    expect(response.body).toMatchObject({ code: 'invalid_filter', retryable: false });
    const { errors } = response.body as { errors: { pointer: string; detail: string }[] };
    expect(errors.map(({ pointer }) => pointer).sort()).toEqual(names.map((name) => `#query:${name}`).sort());
    expect(asked).toEqual([]);
  });

  test('says what to ask for instead of queued', async () => {
    const response = await api.agent().get('/v1/jobs?status=queued').expect(400);
    expect(response.body).toMatchObject({ detail: expect.stringContaining('running covers queued') });
  });

  test.each([
    ['limit', '0'],
    ['limit', '-1'],
    ['limit', '201'],
    ['limit', '99999999999999999999999'],
    ['createdAfter', '1969-12-31T23:59:59Z'],
    ['createdBefore', '9999-12-31T23:59:59-12:00'],
  ])('refuses a value out of range: %s=%s', async (name, value) => {
    const asked = listening();
    const response = await api
      .agent()
      .get('/v1/jobs')
      .query({ [name]: value })
      .expect(400);
    expect(response.body).toMatchObject({ code: 'value_out_of_range', errors: [{ pointer: `#query:${name}` }] });
    expect(asked).toEqual([]);
  });

  test('passes on that a cursor is not one of ours, and that Temporal gives no lists', async () => {
    api.jobs.list = () => Promise.reject(new AppError('invalid_cursor', 'no', { errors: [{ pointer: '#query:cursor', detail: 'no' }] }));
    const tampered = await api.agent().get('/v1/jobs?cursor=x').expect(400);
    expect(tampered.body).toMatchObject({ code: 'invalid_cursor', errors: [{ pointer: '#query:cursor' }] });
    api.jobs.list = () => Promise.reject(new AppError('temporal_unavailable', 'no lists', { retryable: true, retryAfterSeconds: 5 }));
    const limited = await api.agent().get('/v1/jobs').expect(503);
    expect(limited.headers).toMatchObject({ 'retry-after': '5' });
  });

  test.each(['/v1/jobs', '/v1/jobs/counts'])('is all that %s takes', async (path) => {
    const response = await api.agent().post(path).expect(405);
    expect(response.headers).toMatchObject({ allow: 'GET, HEAD' });
  });
});

describe('GET /v1/jobs/counts', () => {
  test('counts the jobs of the asking tenant by status, and is not taken for a job', async () => {
    const asked = listening();
    const response = await api.agent().get('/v1/jobs/counts?type=email&label=order:42&createdAfter=2026-11-22T13:00:00Z').expect(200);
    expect(response.body).toEqual({
      counts: { scheduled: 1, running: 2, dead_lettered: 3, completed: 4, failed: 5, cancelled: 6, expired: 7 },
    });
    const createdAfter = new Date('2026-11-22T13:00:00Z');
    expect(asked).toEqual([{ tenant: 'acme', filter: { types: ['email'], labels: [{ key: 'order', value: '42' }], createdAfter } }]);
  });

  test.each(['status=failed', 'limit=5', 'cursor=x'])('refuses %s, which would mean nothing', async (query) => {
    const response = await api.agent().get(`/v1/jobs/counts?${query}`).expect(400);
    expect(response.body).toMatchObject({ code: 'invalid_filter', errors: [{ pointer: `#query:${query.split('=')[0] ?? ''}` }] });
  });
});
