import { describe, expect, test } from '@jest/globals';

import { createJobActions, type JobActions } from '../../../src/jobs/job-actions.ts';
import type { Job } from '../../../src/jobs/job.ts';
import type { FoundRun, JobReader } from '../../../src/jobs/reading.ts';
import type { JobFacts } from '../../../src/jobs/status.ts';
import { begunFacts } from '../../support/situations.ts';

const open = begunFacts;
const tomorrow = new Date(Date.now() + 86_400_000);
const parked = { ...open, handoffState: 'dead_lettered' };
const scheduled = { ...open, handoffState: 'scheduled', startAt: tomorrow, begun: false };

/** Actions on a run with so many events; `sent` counts what reached Temporal. */
function actionsOn(facts: JobFacts, historyLength: number) {
  let sent = 0;
  const run = { id: 'email_x', facts, memo: {}, description: { historyLength } } as unknown as FoundRun;
  const reader = { find: () => Promise.resolve(run), present: () => Promise.resolve({} as Job) } as unknown as JobReader;
  const call = () => {
    sent += 1;
    return Promise.resolve(undefined as never);
  };
  return { actions: createJobActions({ call }, reader), sent: () => sent };
}

type Act = (actions: JobActions) => Promise<unknown>;
const retry: Act = (actions) => actions.retry('acme', 'email_x');
const addNote: Act = (actions) => actions.addNote('acme', 'email_x', { text: 'x', at: tomorrow.toISOString() });
const edit: Act = (actions) => actions.edit('acme', 'email_x', () => Promise.resolve({ memo: {} }));
const discard: Act = (actions) => actions.discard('acme', 'email_x', {});
const cancel: Act = (actions) => actions.cancel('acme', 'email_x');

describe('a job with a history of more than 10,000 events', () => {
  test.each<[string, JobFacts, Act]>([
    ['retried', parked, retry],
    ['noted', parked, addNote],
    ['changed', scheduled, edit],
  ])('can no longer be %s: Temporal would end it by force one day', async (_what, facts, act) => {
    const long = actionsOn(facts, 10_001);
    await expect(act(long.actions)).rejects.toMatchObject({ code: 'too_many_changes' });
    expect(long.sent()).toBe(0);
    const short = actionsOn(facts, 10_000);
    await act(short.actions);
    expect(short.sent()).toBeGreaterThan(0);
  });

  test.each<[string, Act]>([
    ['discarded', discard],
    ['cancelled', cancel],
  ])('can still be %s', async (_what, act) => {
    const { actions, sent } = actionsOn(parked, 10_001);
    await act(actions);
    expect(sent()).toBe(1);
  });
});
