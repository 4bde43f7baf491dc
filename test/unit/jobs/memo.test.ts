import { describe, expect, test } from '@jest/globals';

import { unexplained } from '../../../src/jobs/job-error.ts';
import { memoFactsOf, waitsForPlaceOf } from '../../../src/jobs/memo.ts';
import type { DeadLetterMemo } from '../../../src/jobs/messages.ts';

const startTime = new Date('2026-11-22T12:00:00.000Z');
const dead: DeadLetterMemo = {
  step: 'deliverEmail',
  reasonClass: 'transient',
  code: 'mail_refused_for_now',
  message: '451 later',
  attempts: 2,
  redrives: 1,
  since: '2026-11-22T12:00:01.000Z',
  closesAt: '2026-12-22T12:00:01.000Z',
};

describe('the memo of a job', () => {
  test('may be empty: then the run tells the times, and the rest is the default', () => {
    expect(memoFactsOf({}, startTime)).toEqual({
      createdAt: undefined,
      startAt: null,
      expiresAt: null,
      priority: 3,
      labels: {},
      deadLetter: null,
      notes: [],
    });
    expect(memoFactsOf({ ttlSeconds: 60 }, startTime).expiresAt).toEqual(new Date('2026-11-22T12:01:00.000Z'));
  });

  test('counts ttlSeconds from the start time, else from the creation', () => {
    const [createdAt, startAt] = ['2026-11-22T13:00:00.000Z', '2026-11-22T14:00:00.000Z'];
    expect(memoFactsOf({ createdAt, ttlSeconds: 60 }, startTime).expiresAt).toEqual(new Date('2026-11-22T13:01:00.000Z'));
    expect(memoFactsOf({ createdAt, startAt, ttlSeconds: 60 }, startTime).expiresAt).toEqual(new Date('2026-11-22T14:01:00.000Z'));
  });

  test('says why a job is parked', () => {
    const { code, message, since, closesAt, ...rest } = dead;
    expect(memoFactsOf({ dead }, startTime).deadLetter).toEqual({
      ...rest,
      error: { code, message },
      since: new Date(since),
      closesAt: new Date(closesAt),
    });
  });

  test('says whether a job under a limit waits for a place', () => {
    const [firstAt, since] = ['2026-11-22T12:00:02.000Z', '2026-11-22T12:00:01.000Z'];
    expect(waitsForPlaceOf({})).toBeUndefined();
    expect(waitsForPlaceOf({ place: {} })).toEqual({ since: null, limit: null, again: false });
    expect(waitsForPlaceOf({ place: { since, limit: 2 } })).toEqual({ since: new Date(since), limit: 2, again: false });
    expect(waitsForPlaceOf({ place: { firstAt } })).toBeUndefined();
    expect(waitsForPlaceOf({ place: { firstAt, since, limit: 2 } })).toEqual({ since: new Date(since), limit: 2, again: true });
  });

  test('of a worker that is newer or older says nothing that is unknown here', () => {
    const strange = { ...dead, code: 'a_code_of_tomorrow', message: 'anything', reasonClass: 'a class of tomorrow' };
    expect(memoFactsOf({ dead: strange }, startTime).deadLetter).toMatchObject({ error: unexplained, reasonClass: 'unexpected' });
  });
});
