import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';

import { explain, queuesOf } from '../../../src/jobs/explain.ts';
import { redriveLimit } from '../../../src/jobs/explain-states.ts';
import { type ExplanationCode, explanationCodes, type Reason } from '../../../src/jobs/explanation.ts';
import { jobStatuses } from '../../../src/jobs/job.ts';
import { deadLetter, explained, factsOf, failed, held, now, at, queueOf, retrying, stepOf, waiting } from '../../support/situations.ts';

const codesOf = (because: readonly Reason[]) => because.map(({ code }) => code);
const reasonOf = (because: readonly Reason[], code: ExplanationCode) => because.find((reason) => reason.code === code);

/** Code → the cells of its row. */
async function documented(): Promise<Map<string, string[]>> {
  const [, table = ''] = (await readFile('docs/explain.md', 'utf8')).split('## Codes');
  const rows = table.split('\n').filter((line) => line.startsWith('| `'));
  return new Map(rows.map((row) => row.split('|').slice(1, -1)).map(([code = '', ...cells]) => [code.trim().slice(1, -1), cells]));
}

describe('the codes', () => {
  test('are the same in the code and in the documentation, in the same order', async () => {
    expect([...(await documented()).keys()]).toEqual([...explanationCodes]);
  });

  test('have the documented facts, whatever the job', async () => {
    const found = new Map<string, Set<string>>();
    for (const { because } of explained)
      for (const { code, facts } of because) found.set(code, new Set([...(found.get(code) ?? []), ...Object.keys(facts)]));
    for (const [code, [, facts = '']] of await documented())
      expect([code, [...(found.get(code) ?? ['never found'])].sort()]).toEqual([
        code,
        facts
          .split(',')
          .map((name) => name.trim().replaceAll('`', ''))
          .filter((name) => name !== '')
          .sort(),
      ]);
  });
});

describe('an explanation', () => {
  test('has a reason for every job, what weighs most first, and says something to do or to wait for', () => {
    const wrong = explained.filter(({ because, next }) => {
      const weights = codesOf(because).map((code) => explanationCodes.indexOf(code));
      const ordered = weights.every((weight, index) => index === 0 || weight >= (weights[index - 1] ?? 0));
      return because.length === 0 || next.length === 0 || !ordered;
    });
    expect(wrong.slice(0, 2)).toEqual([]);
    expect(explained.length).toBeGreaterThan(5_000);
  });

  test('is in sentences without holes, and in facts that JSON does not change', () => {
    const reasons = [...new Map(explained.flatMap(({ because }) => because).map((reason) => [JSON.stringify(reason), reason])).values()];
    for (const { text, facts } of reasons) {
      expect(text).toMatch(/^[A-Z][^]*[.!?]$/);
      expect(text).not.toMatch(/undefined|NaN|null|\[object|\.\./);
      expect(JSON.parse(JSON.stringify(facts))).toEqual(facts);
    }
    expect(reasons.length).toBeGreaterThan(explanationCodes.length);
  });

  test('never says less than the status: what it is about comes with a reason of its own', () => {
    const own: Record<string, ExplanationCode[]> = {
      scheduled: ['starts_later'],
      retrying: ['waiting_for_retry', 'step_paused', 'no_step_worker', 'queue_paused', 'waiting_for_worker', 'backlog_ahead'],
      cancelling: ['cancelling_waits_for_step', 'cancelling_waits_for_worker', 'cancelling_not_heard'],
      dead_lettered: ['parked'],
      completed: ['completed'],
      failed: ['failed'],
      cancelled: ['cancelled'],
      expired: ['expired', 'expired_unstarted'],
    };
    const silent = explained.filter(({ status, because }) => own[status] && !codesOf(because).some((code) => own[status]?.includes(code)));
    expect(silent.slice(0, 2)).toEqual([]);
    expect(new Set(explained.map(({ status }) => status))).toEqual(new Set(jobStatuses));
  });

  test('shows of an error its code and message, and nothing of its details', () => {
    const secret = { ...failed, details: { messages: ['ada@example.com'] } };
    const { because } = explain(factsOf({ steps: [stepOf({ ...retrying, lastFailure: secret })] }));
    expect(because[0]?.facts['lastError']).toEqual(failed);
    expect(JSON.stringify(because)).not.toContain('ada@');
  });
});

describe('steps', () => {
  test('of the same name are told once, with their number, by the one that matters most', () => {
    const [soon, late] = [at(10), at(99)];
    const steps = [stepOf({ ...retrying, nextAttemptAt: late }), stepOf({ ...retrying, nextAttemptAt: soon }), stepOf(held)];
    const { status, because } = explain(factsOf({ steps }));
    expect([status, codesOf(because)]).toEqual(['running', ['running_step', 'waiting_for_retry']]);
    expect(because[0]?.facts).toMatchObject({ count: 1 });
    expect(because[1]?.facts).toMatchObject({ count: 2, nextAttemptAt: soon.toISOString() });
    expect(because[1]?.text).toContain('(and 1 more like it)');
  });

  test('are silent after half of their heartbeat timeout, and never without one', () => {
    const codeAfter = (seconds: number, heartbeatTimeoutMs: number | null) =>
      codesOf(explain(factsOf({ steps: [stepOf({ ...held, lastHeartbeatAt: at(-seconds), heartbeatTimeoutMs })] })).because);
    expect([codeAfter(10, 20_000), codeAfter(11, 20_000), codeAfter(9_999, null)]).toEqual([
      ['running_step'],
      ['no_heartbeat'],
      ['running_step'],
    ]);
  });

  test('are not told of a cancellation without heartbeats', () => {
    const cancelling = (heartbeatTimeoutMs: number | null) =>
      explain(factsOf({ cancelRequested: true, steps: [stepOf({ ...held, heartbeatTimeoutMs })] })).because;
    expect(codesOf(cancelling(20_000))).toEqual(['cancelling_waits_for_step']);
    expect(codesOf(cancelling(null))).toEqual(['cancelling_not_heard']);
    expect(cancelling(null)[0]?.facts).toMatchObject({ heartbeats: false, takenBackAt: null });
    expect(cancelling(null)[0]?.text).toContain('may still complete');
  });

  test('may be retried now only while nothing of the job runs: else a retry is refused', () => {
    const actionsOf = (...steps: ReturnType<typeof stepOf>[]) => explain(factsOf({ steps })).next.map(({ action }) => action);
    expect(actionsOf(stepOf(retrying))).toEqual(['retry', 'cancel']);
    expect(actionsOf(stepOf(retrying), stepOf(held))).toEqual(['watch', 'cancel']);
  });
});

describe('a queue', () => {
  const ahead = (priority: number, backlog: [number, number][], dispatchRate = 0, count = 1) => {
    const queues = [queueOf({ backlog: new Map(backlog), dispatchRate })];
    const steps = Array.from({ length: count }, () => stepOf(waiting));
    return explain(factsOf({ steps }, { priority }, queues)).because[0];
  };

  test('has before a job those of its own and of more urgent priorities, without the job itself', () => {
    const backlog: [number, number][] = [
      [1, 10],
      [3, 5],
      [5, 100],
    ];
    expect(ahead(3, backlog)?.facts).toMatchObject({ ahead: 14, priority: 3 });
    expect(ahead(1, backlog)?.facts).toMatchObject({ ahead: 9 });
    expect(ahead(5, backlog)?.facts).toMatchObject({ ahead: 114 });
    expect(ahead(3, backlog, 0, 5)?.facts).toMatchObject({ ahead: 10, count: 5 });
    expect(ahead(3, [[3, 1]])?.code).toBe('waiting_for_worker');
    expect(ahead(3, [])?.code).toBe('waiting_for_worker');
  });

  test('has an estimate from its pace, and none while nothing moves', () => {
    expect(ahead(3, [[3, 61]], 0.5)).toMatchObject({
      facts: { ahead: 60, estimatedSeconds: 120 },
      text: expect.stringContaining('about 2 min'),
    });
    expect(ahead(3, [[3, 61]], 0)).toMatchObject({ facts: { estimatedSeconds: null }, text: expect.stringContaining('not known') });
  });

  test.each([
    ['handoff-email', 'email'],
    ['handoff-email-spare', 'email'],
    ['handoff-email-old-report', 'email'],
    ['handoff-report', 'report'],
  ])('called %s that nobody serves is served by workers for %s', (taskQueue, group) => {
    const step = stepOf({ ...waiting, taskQueue });
    const [advice] = explain(factsOf({ steps: [step] }, {}, [queueOf({ name: taskQueue, served: false })])).next;
    expect(advice?.action).toEqual({ command: `handoff worker --queues ${group}` });
  });

  test('says what is wrong with it instead of a place in it', () => {
    const codes = (changes: Parameters<typeof queueOf>[0]) =>
      codesOf(explain(factsOf({ steps: [stepOf(waiting)] }, {}, [queueOf({ backlog: new Map([[3, 9]]), ...changes })])).because);
    expect(codes({})).toEqual(['backlog_ahead']);
    expect(codes({ served: false })).toEqual(['no_step_worker']);
    expect(codes({ rateLimit: 0 })).toEqual(['queue_paused']);
    expect(codes({ served: false, rateLimit: 0 })).toEqual(['no_step_worker', 'queue_paused']);
    expect(codes({ rateLimit: 2 })).toEqual(['backlog_ahead']);
    expect(codes({ rateLimit: 2, limiting: true })).toEqual(['queue_rate_limited', 'backlog_ahead']);
  });

  test('is asked about only when the job waits in it', () => {
    const asked = (facts: Parameters<typeof factsOf>[0]) => queuesOf(factsOf(facts), 'handoff').map(({ name, kind }) => `${kind} ${name}`);
    expect(asked({ begun: false, workflowTaskAttempt: 1 })).toEqual(['workflow handoff']);
    expect(asked({ startAt: at(99), handoffState: 'scheduled', begun: false })).toEqual([]);
    expect(asked({ workflowTaskAttempt: 1, stepFinished: true })).toEqual(['workflow handoff']);
    expect(asked({ steps: [stepOf(held), stepOf(retrying), stepOf({ paused: true })] })).toEqual([]);
    expect(asked({ steps: [stepOf(waiting), stepOf(waiting), stepOf({ ...waiting, taskQueue: 'handoff-upload' })] })).toEqual([
      'activity handoff-email',
      'activity handoff-upload',
    ]);
    expect(asked({ steps: [stepOf({ ...retrying, nextAttemptAt: at(-1) })] })).toEqual(['activity handoff-email']);
    expect(asked({ cancelRequested: true, steps: [stepOf(waiting)] })).toEqual([]);
    expect(asked({ state: 'COMPLETED', steps: [stepOf(waiting)] })).toEqual([]);
  });
});

describe('a limit on concurrent jobs', () => {
  const inLine = { since: at(-30), limit: 2, again: false };
  const standing = { limit: 3, holding: 3, waiting: 9, ahead: 4 };

  test('says since when the job waits, for what limit, how many have places and how many go first', () => {
    const { status, because, next } = explain({ ...factsOf({ waitsForPlace: inLine }), standing });
    expect([status, codesOf(because)]).toEqual(['queued', ['waiting_for_place']]);
    expect(because[0]?.facts).toEqual({ limit: 3, holding: 3, ahead: 4, since: at(-30).toISOString() });
    expect(because[0]?.text).toContain('at most 3 jobs of type email may be at work at once. 3 have places, and 4 go before it.');
    expect(next.map(({ action }) => action)).toEqual([null, 'cancel']);
  });

  test('says what is known when no worker answers, and that the limit was lifted', () => {
    expect(explain(factsOf({ waitsForPlace: inLine })).because[0]).toMatchObject({
      facts: { limit: 2, holding: null, ahead: null },
      text: expect.stringContaining('cannot be told'),
    });
    const lifted = explain({ ...factsOf({ waitsForPlace: inLine }), standing: { ...standing, limit: null } });
    expect(lifted.because[0]?.text).toContain('has just been lifted');
  });

  test('says that the job expires only before its first place', () => {
    const codes = (again: boolean) => codesOf(explain(factsOf({ expiresAt: at(60), waitsForPlace: { ...inLine, again } })).because);
    expect([codes(false), codes(true)]).toEqual([['waiting_for_place', 'expires'], ['waiting_for_place']]);
  });
});

describe('a dead letter', () => {
  test('may be retried as often as the workflow lets it', async () => {
    expect(await readFile('workflows/dead-letters.ts', 'utf8')).toContain(`const redriveLimit = ${String(redriveLimit)};`);
    const { because } = explain(factsOf({ handoffState: 'dead_lettered' }, { deadLetter: { ...deadLetter, redrives: redriveLimit } }));
    expect(because[0]?.facts).toMatchObject({ redrivesLeft: 0 });
  });

  test('whose decision no worker carries out says so first', () => {
    const situation = factsOf({ handoffState: 'dead_lettered', workflowTaskAttempt: 1 }, { deadLetter }, [
      queueOf({ name: 'handoff', kind: 'workflow', served: false }),
    ]);
    expect(codesOf(explain(situation).because)).toEqual(['no_worker', 'parked']);
  });
});

describe('a deadline', () => {
  test('is told while it lies ahead and nothing has begun', () => {
    const codes = (facts: Parameters<typeof factsOf>[0]) => codesOf(explain(factsOf({ expiresAt: at(60), ...facts })).because);
    expect(codes({ startAt: at(30), handoffState: 'scheduled', begun: false })).toEqual(['starts_later', 'expires']);
    expect(codes({ steps: [stepOf(waiting)] })).toEqual(['waiting_for_worker', 'expires']);
    expect(codes({ steps: [stepOf(held)] })).toEqual(['running_step']);
    expect(
      reasonOf(explain(factsOf({ startAt: at(30), handoffState: 'scheduled', expiresAt: at(7_260), begun: false })).because, 'expires'),
    ).toMatchObject({
      text: expect.stringContaining('in about 2 h'),
      facts: { expiresAt: new Date(now + 7_260_000).toISOString(), inSeconds: 7_260 },
    });
  });
});
