import { describe, expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import { charged } from '../../../src/jobs/limits.ts';
import { createLimits } from '../../../src/limits/limits.ts';
import { anEntry } from '../../support/audit.ts';
import { testLimits } from '../../support/limits.ts';

const day = 86_400_000;
const noon = 20_000 * day + day / 2;
const caller = { keyId: 'key_1', tenant: 'acme', scopes: ['read'], localOnly: false } as const;
const idle = () => new Promise((resolve) => setImmediate(resolve));

const change = anEntry({ action: 'limit.change' });

function setUp(changes: Parameters<typeof testLimits>[0] = {}) {
  const time = { now: noon };
  const given = testLimits({ now: () => time.now, ...changes });
  return { time, given, limits: createLimits(given) };
}

const emails = (count: number) => ({ emails: { count, pointer: '/to' } });

describe('what counts for a tenant', () => {
  test('is the lower one of its own limit and the ceiling, which has a default', async () => {
    const { given, limits } = setUp({ defaults: { requestsPerMinute: 1_000, openJobs: 5 } });
    given.values.ceiling = { emailsPerDay: 10, openJobs: 50 };
    given.values.own = { emailsPerDay: 20, openJobs: 7, 'concurrentJobs.report': 2 };
    expect(await limits.of('acme')).toEqual({ requestsPerMinute: 1_000, emailsPerDay: 10, openJobs: 7, 'concurrentJobs.report': 2 });
    expect([await limits.concurrentJobs('acme', 'report'), await limits.concurrentJobs('acme', 'email')]).toEqual([2, undefined]);
  });

  test('is read once for many requests, in the background while it is in use, and a change counts within five seconds', async () => {
    const { time, given } = setUp();
    let reads = 0;
    const settings = { ...given.settings, read: () => (reads++, given.settings.read('acme')) };
    const limits = createLimits({ ...given, settings });
    await Promise.all(Array.from({ length: 20 }, () => limits.concurrentJobs('acme', 'report')));
    given.values.ceiling['concurrentJobs.report'] = 3;
    time.now += 2_400;
    expect([await limits.concurrentJobs('acme', 'report'), reads]).toEqual([undefined, 1]);
    time.now += 100;
    expect(await limits.concurrentJobs('acme', 'report')).toBeUndefined();
    await idle();
    expect([await limits.concurrentJobs('acme', 'report'), reads]).toEqual([3, 2]);
    given.values.ceiling['concurrentJobs.report'] = 4;
    time.now += 5_000;
    expect(await limits.concurrentJobs('acme', 'report')).toBe(4);
  });

  test('stays as it was, or is the default, while the database is away', async () => {
    const { time, given } = setUp({ defaults: { requestsPerMinute: 9 } });
    let away = true;
    const read = () => (away ? Promise.reject(new AppError('database_unavailable', 'Away.')) : given.settings.read('acme'));
    const limits = createLimits({ ...given, settings: { ...given.settings, read } });
    expect(await limits.of('acme')).toEqual({ requestsPerMinute: 9 });
    // Nobody knows whether there is one: no job may pass for one without.
    await expect(limits.concurrentJobs('acme', 'report')).rejects.toMatchObject({ code: 'database_unavailable' });
    away = false;
    given.values.ceiling = { requestsPerMinute: 7 };
    time.now += 5_000;
    expect(await limits.of('acme')).toEqual({ requestsPerMinute: 7 });
    away = true;
    time.now += 60_000;
    expect(await limits.of('acme')).toEqual({ requestsPerMinute: 7 });
  });

  test('may be set by the tenant up to the ceiling, and counts at once here', async () => {
    const { limits } = setUp({ defaults: { requestsPerMinute: 100 } });
    await limits.set('acme', { requestsPerMinute: 100, 'concurrentJobs.report': 2 }, change);
    expect(await limits.of('acme')).toEqual({ requestsPerMinute: 100, 'concurrentJobs.report': 2 });
    await expect(limits.set('acme', { requestsPerMinute: 101, openJobs: 1 }, change)).rejects.toMatchObject({
      code: 'value_out_of_range',
      errors: [{ pointer: '/requestsPerMinute', detail: 'is above the ceiling of 100' }],
    });
    expect(await limits.of('acme')).not.toHaveProperty('openJobs');
  });

  test('is told to jobs that wait for a place, when it is another one', async () => {
    const told: unknown[] = [];
    const limitChanged = (...change: unknown[]) => (told.push(change), Promise.reject(new Error('away')));
    const { given, limits } = setUp({ limitChanged });
    given.values.ceiling = { 'concurrentJobs.report': 3 };
    await limits.set('acme', { 'concurrentJobs.report': 2, 'concurrentJobs.email': 5, 'concurrentJobs.upload': null, openJobs: 1 }, change);
    await limits.set('acme', { 'concurrentJobs.report': null, 'concurrentJobs.email': null }, change);
    expect(told).toEqual([
      ['acme', 'report', 2],
      ['acme', 'email', 5],
      ['acme', 'report', 3],
      ['acme', 'email', undefined],
    ]);
  });
});

describe('requests', () => {
  test('of many keys of one tenant share its limit', async () => {
    const { limits } = setUp({ defaults: { requestsPerMinute: 10 } });
    const verdicts = await Promise.all(Array.from({ length: 50 }, (_, i) => limits.request({ ...caller, keyId: `key_${String(i)}` })));
    expect(verdicts.filter(({ allowed }) => allowed)).toHaveLength(10);
    expect(await limits.request({ ...caller, tenant: 'other' })).toMatchObject({ allowed: true });
    expect(limits.refusals()).toMatchObject({ requestsPerMinute: 40, keyRequestsPerMinute: 0 });
  });

  test('of one key are limited by its own limit, too, which costs the others nothing', async () => {
    const { limits } = setUp({ defaults: { requestsPerMinute: 10 } });
    const slow = { ...caller, keyId: 'key_slow', requestsPerMinute: 2 };
    const verdicts = [];
    for (let i = 0; i < 5; i++) verdicts.push(await limits.request(slow));
    expect(verdicts.map(({ allowed }) => allowed)).toEqual([true, true, false, false, false]);
    expect(verdicts[0]?.standings.map(({ policy, limit }) => [policy, limit])).toEqual([
      ['requests', 10],
      ['requests-of-key', 2],
    ]);
    expect((await limits.request(caller)).standings).toMatchObject([{ policy: 'requests', remaining: 7 }]);
    expect(limits.refusals()).toMatchObject({ requestsPerMinute: 0, keyRequestsPerMinute: 3 });
  });

  test('without a limit are not counted', async () => {
    expect(await setUp().limits.request(caller)).toEqual({ allowed: true, standings: [] });
  });
});

describe('e-mails of a day', () => {
  const order = { tenant: 'acme', ...emails(3) };

  test('count each recipient, all of a job or none', async () => {
    const { given, limits, time } = setUp({ defaults: { emailsPerDay: 50 } });
    await limits.charge('acme', emails(49));
    time.now += 1_000;
    await expect(limits.charge('acme', emails(2))).rejects.toMatchObject({
      code: 'limit_exceeded',
      limit: 'emailsPerDay',
      retryable: true,
      retryAfterSeconds: day / 2 / 1_000 - 1,
      errors: [{ pointer: '/to', detail: 'exceeds the limit emailsPerDay' }],
    });
    await limits.charge('acme', emails(1));
    expect(given.sent.count).toBe(50);
    await expect(limits.charge('acme', emails(51))).rejects.toMatchObject({ code: 'limit_exceeded', retryable: false });
    expect(limits.refusals()).toMatchObject({ emailsPerDay: 2 });
  });

  test('are given back when the start failed for certain, or the job was there already', async () => {
    const { given, limits } = setUp({ defaults: { emailsPerDay: 50 } });
    await expect(charged(limits, order, () => Promise.reject(new AppError('idempotency_key_reused', '')))).rejects.toThrow();
    await charged(limits, order, () => Promise.resolve({ started: false }));
    expect(given.sent.count).toBe(0);
    await charged(limits, order, () => Promise.resolve({ started: true }));
    expect(given.sent.count).toBe(3);
  });

  test('stay charged when nobody knows whether the job was started', async () => {
    const { given, limits } = setUp({ defaults: { emailsPerDay: 50 } });
    await expect(charged(limits, order, () => Promise.reject(new AppError('temporal_unavailable', '')))).rejects.toThrow();
    expect(given.sent.count).toBe(3);
  });
});

describe('open jobs', () => {
  function withOpen(limit: number) {
    const seen = { asked: 0, open: 0, away: false };
    const openJobs = () => {
      seen.asked++;
      return seen.away ? Promise.reject(new AppError('temporal_unavailable', 'Away.')) : Promise.resolve(seen.open);
    };
    return { seen, ...setUp({ defaults: { openJobs: limit }, openJobs }) };
  }
  const start = (limits: ReturnType<typeof createLimits>, outcome: () => Promise<{ started: boolean }>) =>
    charged(limits, { tenant: 'acme', jobs: 1 }, outcome).then(
      () => 'taken',
      (error: unknown) => (error as AppError).code,
    );
  const yes = () => Promise.resolve({ started: true });

  test('are counted by Visibility every two seconds, and by what was accepted here since, many at once included', async () => {
    const { limits, seen, time } = withOpen(10);
    seen.open = 4;
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => start(limits, yes)));
    expect(outcomes.filter((outcome) => outcome === 'taken')).toHaveLength(6);
    expect(seen.asked).toBe(1);
    await expect(limits.charge('acme', { jobs: 1 })).rejects.toMatchObject({
      code: 'limit_exceeded',
      limit: 'openJobs',
      retryAfterSeconds: 5,
    });
    seen.open = 9;
    time.now += 2_000;
    expect([await start(limits, yes), await start(limits, yes)]).toEqual(['taken', 'limit_exceeded']);
    expect(seen.asked).toBe(2);
  });

  test('do not count what was not started, and count what may have been', async () => {
    const { limits } = withOpen(2);
    for (let i = 0; i < 5; i++) await start(limits, () => Promise.resolve({ started: false }));
    for (let i = 0; i < 5; i++) await start(limits, () => Promise.reject(new AppError('idempotency_key_reused', '')));
    const maybe = () => start(limits, () => Promise.reject(new AppError('temporal_unavailable', '')));
    expect([await maybe(), await maybe(), await maybe()]).toEqual(['temporal_unavailable', 'temporal_unavailable', 'limit_exceeded']);
  });

  test('are not limited while Visibility is away, and not asked for without a limit', async () => {
    const { limits, seen } = withOpen(0);
    seen.away = true;
    expect(await start(limits, yes)).toBe('taken');
    const free = setUp({ openJobs: () => Promise.reject(new Error('asked')) });
    expect(await start(free.limits, yes)).toBe('taken');
  });
});

describe('while too much work waits', () => {
  test('submissions are refused, and nobody waits for the look at the backlog', async () => {
    let [waiting, looks] = [101, 0];
    const backlog = () => (looks++, Promise.resolve(waiting));
    const { limits, time } = setUp({ maxBacklog: 100, backlog });
    const refusal = () => {
      try {
        limits.assertAccepting();
        return undefined;
      } catch (error) {
        return (error as AppError).code;
      }
    };
    expect(refusal()).toBeUndefined();
    await idle();
    expect([refusal(), refusal(), looks]).toEqual(['overloaded', 'overloaded', 1]);
    expect(limits.refusals()).toMatchObject({ backlog: 2 });
    waiting = 100;
    time.now += 2_000;
    expect(refusal()).toBe('overloaded');
    await idle();
    expect([refusal(), looks]).toEqual([undefined, 2]);
    // Nobody has asked for long: what was seen then tells nothing now.
    [waiting, time.now] = [101, time.now + 2_000];
    refusal();
    await idle();
    expect(refusal()).toBe('overloaded');
    time.now += 60_000;
    expect(refusal()).toBeUndefined();
  });

  test('and nobody can tell, all are taken', async () => {
    let away = false;
    const backlog = () => (away ? Promise.reject(new Error('away')) : Promise.resolve(5));
    const { limits, time } = setUp({ maxBacklog: 1, backlog });
    limits.assertAccepting();
    await idle();
    expect(() => {
      limits.assertAccepting();
    }).toThrow();
    away = true;
    time.now += 2_000;
    expect(() => {
      limits.assertAccepting();
    }).toThrow();
    await idle();
    limits.assertAccepting();
    const off = setUp({ maxBacklog: 0, backlog: () => Promise.reject(new Error('asked')) });
    off.limits.assertAccepting();
  });
});
