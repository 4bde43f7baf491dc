import { describe, expect, test } from '@jest/globals';

import type { Elsewhere, MailLane } from '../../../activities/mail-lane.ts';
import { onLane } from '../../../activities/on-lane.ts';
import { AppError } from '../../../src/errors.ts';

const route = { failedAt: {}, moves: 0 };
const elsewhere: Elsewhere = { status: 'elsewhere', provider: 'spare', lane: 'spare', route: { failedAt: {}, moves: 1 } };
const lane = (changes: Partial<MailLane>): MailLane => ({
  mail: { send: () => Promise.reject(new Error('not here')), close: () => Promise.resolve() },
  before: () => undefined,
  after: () => undefined,
  ...changes,
});
const failing = (error: Error) => () => Promise.reject(error);
const away = new AppError('mail_server_unreachable', 'away', { retryable: true });

describe('a delivery on its lane', () => {
  test('is done there when it works', async () => {
    expect(await onLane(lane({}), route, () => Promise.resolve('sent'))).toBe('sent');
  });

  test('is not begun when another lane should have it', async () => {
    const began = onLane(lane({ before: () => elsewhere }), route, failing(new Error('begun')));
    expect(await began).toBe(elsewhere);
  });

  test('tells who else should try when it fails and there is somebody, else it fails', async () => {
    expect(await onLane(lane({ after: () => elsewhere }), route, failing(away))).toBe(elsewhere);
    await expect(onLane(lane({}), route, failing(away))).rejects.toBe(away);
  });

  test('fails as it is by a defect of ours, which no other provider can mend', async () => {
    const defect = new TypeError('no');
    await expect(onLane(lane({ after: () => elsewhere }), route, failing(defect))).rejects.toBe(defect);
  });

  test('stays there when an older version has scheduled it, which would not understand', async () => {
    const stubborn = lane({ before: () => elsewhere, after: () => elsewhere });
    await expect(onLane(stubborn, undefined, failing(away))).rejects.toBe(away);
    await expect(onLane(undefined, route, failing(away))).rejects.toBe(away);
  });
});
