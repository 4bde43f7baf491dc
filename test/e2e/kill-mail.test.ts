import { beforeAll, describe, expect, test } from '@jest/globals';

import type { Killed } from '../../bench/kill-finding.ts';
import { killRounds } from '../../bench/kill.ts';
import { findPostgres } from '../support/postgres.ts';

const minutes = 60_000;
const postgres = await findPostgres();
const missing = 'skipped' in postgres && process.env['DATABASE_URL'] === undefined;
const title = missing ? 'kill -9 of a worker that sends mail (skipped: no PostgreSQL)' : 'kill -9 of a worker that sends mail';

(missing ? describe.skip : describe)(title, () => {
  let all: Killed[] = [];
  const of = (point: Killed['point'], policy: Killed['policy']) => all.filter((one) => one.point === point && one.policy === policy);
  beforeAll(async () => {
    all = await killRounds({ rounds: 1, temporalSettings: [], say: () => undefined });
  }, 10 * minutes);

  test('before MAIL: the message goes out once, whatever the policy', () => {
    for (const policy of ['at_least_once', 'at_most_once'] as const)
      expect(of('before MAIL', policy)).toEqual([expect.objectContaining({ copies: 1, status: 'completed' })]);
  });

  test('during DATA: at least once it goes out again; at most once the job says that nobody knows', () => {
    expect(of('during DATA', 'at_least_once')).toEqual([expect.objectContaining({ copies: 1, status: 'completed' })]);
    expect(of('during DATA', 'at_most_once')).toEqual([
      expect.objectContaining({ copies: 0, status: 'failed', code: 'delivery_in_doubt' }),
    ]);
  });

  test('after the reply, before the ledger: a second copy only under at_least_once; at most once the job says so', () => {
    expect(of('before the ledger', 'at_least_once')).toEqual([expect.objectContaining({ copies: 2, status: 'completed' })]);
    expect(of('before the ledger', 'at_most_once')).toEqual([
      expect.objectContaining({ copies: 1, status: 'failed', code: 'delivery_in_doubt' }),
    ]);
  });

  test('after the ledger, before completion: no second copy, whatever the policy', () => {
    for (const policy of ['at_least_once', 'at_most_once'] as const)
      expect(of('after the ledger', policy)).toEqual([expect.objectContaining({ copies: 1, status: 'completed' })]);
  });
});
