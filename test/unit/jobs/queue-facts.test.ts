import type { Client } from '@temporalio/client';
import { describe, expect, test } from '@jest/globals';
import { msToTs } from '@temporalio/common/lib/time.js';

import { createQueues } from '../../../src/jobs/queue-facts.ts';
import type { TemporalCalls } from '../../../src/jobs/temporal-calls.ts';

const now = Date.parse('2026-11-22T12:00:00Z');
const secondsAgo = (seconds: number) => msToTs(now - seconds * 1000);

interface Told {
  /** Seconds since each poller asked. */
  polls: number[];
  /** Seconds since each worker told that it lives; an error is what Temporal answers instead. */
  beats: number[] | Error;
  status?: number;
}

function queuesTold({ polls, beats, status = 1 }: Told) {
  const asked: unknown[] = [];
  const workflowService = {
    describeTaskQueue: () =>
      Promise.resolve({ pollers: polls.map((age) => ({ lastAccessTime: secondsAgo(age) })), statsByPriorityKey: {}, stats: {} }),
    listWorkers: (request: unknown) => {
      asked.push(request);
      if (beats instanceof Error) return Promise.reject(beats);
      return Promise.resolve({ workersInfo: beats.map((age) => ({ workerHeartbeat: { status, heartbeatTime: secondsAgo(age) } })) });
    },
  };
  const call: TemporalCalls['call'] = (run) => run({ workflowService, options: { namespace: 'default' } } as unknown as Client);
  return { queues: createQueues({ call }, () => now), asked };
}

const queue = { name: 'handoff-report', kind: 'activity' } as const;

describe('a Task Queue', () => {
  test('that was polled within 75 seconds is served, and nothing more is asked', async () => {
    const { queues, asked } = queuesTold({ polls: [290, 74], beats: [] });
    expect([await queues.unserved([queue]), asked]).toEqual([[], []]);
  });

  test('whose worker is too busy to poll, for longer than Temporal remembers a poller, is served while it tells that it lives', async () => {
    const { queues, asked } = queuesTold({ polls: [], beats: [400, 30] });
    expect(await queues.unserved([queue])).toEqual([]);
    expect(asked).toEqual([{ namespace: 'default', query: "TaskQueue = 'handoff-report'" }]);
  });

  test.each<[string, Told]>([
    ['neither polls nor tells', { polls: [76], beats: [] }],
    ['has told nothing for 75 seconds', { polls: [], beats: [76] }],
    ['is shutting down', { polls: [], beats: [1], status: 2 }],
    ['can not tell, since the server is too old', { polls: [], beats: Object.assign(new Error('unknown method'), { code: 12 }) }],
  ])('whose worker %s is not served', async (_case, told) => {
    expect(await queuesTold(told).queues.unserved([queue])).toEqual(['handoff-report']);
  });

  test('of which Temporal can tell nothing now is not called unserved', async () => {
    const away = Object.assign(new Error('away'), { code: 14 });
    await expect(queuesTold({ polls: [], beats: away }).queues.unserved([queue])).rejects.toBe(away);
  });
});
