import { describe, expect, test } from '@jest/globals';

import { openingOf } from '../../../activities/opening.ts';
import type { SendWindow } from '../../../src/jobs/send-window.ts';

const berlin: SendWindow = { from: '09:00', until: '18:00', timeZone: 'Europe/Berlin' };
const opening = (window: SendWindow, now: string) => openingOf(window, new Date(now));
const span = (opensAt: string, closesAt: string) => ({ opensAt: `${opensAt}.000Z`, closesAt: `${closesAt}.000Z` });

describe('the send window', () => {
  test.each([
    ['before it opens', '2026-11-23T07:59:59Z', '2026-11-23T08:00:00', '2026-11-23T17:00:00'],
    ['while it is open', '2026-11-23T12:00:00Z', '2026-11-23T08:00:00', '2026-11-23T17:00:00'],
    ['at the moment when it closes', '2026-11-23T17:00:00Z', '2026-11-24T08:00:00', '2026-11-24T17:00:00'],
    ['in summer', '2026-07-01T00:00:00Z', '2026-07-01T07:00:00', '2026-07-01T16:00:00'],
    ['when it is another day there already', '2026-07-01T22:30:00Z', '2026-07-02T07:00:00', '2026-07-02T16:00:00'],
  ])('opens by the clock of the place: %s', (_when, now, opensAt, closesAt) => {
    expect(opening(berlin, now)).toEqual(span(opensAt, closesAt));
  });

  test('opens only on its days', () => {
    const window = { ...berlin, days: ['monday', 'thursday'] as const };
    expect(opening({ ...window, days: [...window.days] }, '2026-11-24T12:00:00Z')).toEqual(
      span('2026-11-26T08:00:00', '2026-11-26T17:00:00'),
    );
    expect(opening({ ...window, days: ['monday'] }, '2026-11-23T18:00:00Z')).toEqual(span('2026-11-30T08:00:00', '2026-11-30T17:00:00'));
  });

  test('goes over midnight, and belongs to the day on which it opens', () => {
    const night: SendWindow = { from: '22:00', until: '06:00', timeZone: 'UTC', days: ['friday'] };
    expect(opening(night, '2026-11-28T05:00:00Z')).toEqual(span('2026-11-27T22:00:00', '2026-11-28T06:00:00'));
    expect(opening(night, '2026-11-28T06:00:00Z')).toEqual(span('2026-12-04T22:00:00', '2026-12-05T06:00:00'));
  });

  test('opens an hour later where the clocks skip its time, and at the first of two same times', () => {
    const window: SendWindow = { from: '02:30', until: '05:00', timeZone: 'Europe/Berlin' };
    expect(opening(window, '2026-03-28T23:30:00Z')).toEqual(span('2026-03-29T01:30:00', '2026-03-29T03:00:00'));
    expect(opening(window, '2026-10-24T22:30:00Z')).toEqual(span('2026-10-25T00:30:00', '2026-10-25T04:00:00'));
  });

  test('knows places far from Greenwich', () => {
    expect(opening({ ...berlin, timeZone: 'Pacific/Kiritimati' }, '2026-11-22T18:00:00Z')).toEqual(
      span('2026-11-22T19:00:00', '2026-11-23T04:00:00'),
    );
    expect(opening({ ...berlin, timeZone: 'Asia/Kathmandu' }, '2026-11-22T18:00:00Z')).toEqual(
      span('2026-11-23T03:15:00', '2026-11-23T12:15:00'),
    );
  });
});
