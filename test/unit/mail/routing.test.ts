import { describe, expect, test } from '@jest/globals';

import type { MailLane, Route } from '../../../activities/mail-lane.ts';
import type { OutgoingMessage, SendOptions } from '../../../activities/mail-ports.ts';
import { AppError, type ErrorCode } from '../../../src/errors.ts';
import { ProviderPause } from '../../../src/mail/providers/pause.ts';
import { createRouting } from '../../../src/mail/routing.ts';

const fresh: Route = { failedAt: {}, moves: 0 };
const failure = (code: ErrorCode) => new AppError(code, 'no', { retryable: true });

/** Providers that do as they are told, by a clock of their own. */
function surroundings(...names: string[]) {
  let now = 1_000_000;
  const answers = new Map<string, AppError>();
  const routing = createRouting(names, () => now);
  const lanes = new Map(
    names.map((name) => {
      const sender = {
        send: () => {
          const answer = answers.get(name);
          return answer ? Promise.reject(answer) : Promise.resolve({ response: '250', provider: name });
        },
        close: () => Promise.resolve(),
      };
      return [name, routing.lane(name, sender)];
    }),
  );
  const lane = (name: string) => lanes.get(name) as MailLane;
  return {
    routing,
    lane,
    wait: (ms: number) => {
      now += ms;
    },
    /** Sends messages by one provider, whatever becomes of them. */
    send: async (name: string, times = 1) => {
      for (let each = 0; each < times; each++)
        await lane(name)
          .mail.send({} as OutgoingMessage, {} as SendOptions)
          .catch(() => undefined);
    },
    answer: (name: string, answer: AppError | undefined) => (answer ? answers.set(name, answer) : answers.delete(name)),
  };
}

describe('a delivery that failed', () => {
  test.each<ErrorCode>(['mail_refused_for_now', 'mail_server_unreachable', 'mail_configuration'])(
    'with %s goes to the next provider',
    (code) => {
      const { lane } = surroundings('first', 'second');
      expect(lane('first').after(fresh, failure(code))).toEqual({
        status: 'elsewhere',
        provider: 'second',
        lane: 'second',
        route: { failedAt: { first: 1_000_000 }, moves: 1 },
      });
    },
  );

  test.each<ErrorCode>(['mail_rejected', 'recipient_rejected', 'delivery_in_doubt', 'internal_error'])(
    'with %s stays where it is: it would become a second message, or a question asked twice',
    (code) => {
      const { lane } = surroundings('first', 'second');
      expect(lane('first').after(fresh, failure(code))).toBeUndefined();
    },
  );

  test('everywhere waits, in place of going round and round', () => {
    const { lane } = surroundings('first', 'second', 'third');
    let route = fresh;
    const visited = ['first'];
    for (let here = 'first'; ;) {
      const elsewhere = lane(here).after(route, failure('mail_server_unreachable'));
      if (elsewhere === undefined) break;
      ({ provider: here, route } = elsewhere);
      visited.push(here);
    }
    expect(visited).toEqual(['first', 'second', 'third']);
  });

  test('goes back to an earlier provider later, each time after twice as long', () => {
    const { lane, wait } = surroundings('first', 'second');
    const there = lane('first').after(fresh, failure('mail_server_unreachable'));
    expect(lane('second').before(there?.route ?? fresh)).toBeUndefined();
    wait(60_001);
    const back = lane('second').before(there?.route ?? fresh);
    expect(back).toMatchObject({ provider: 'first', lane: null, route: { moves: 2 } });
    const again = lane('first').after(back?.route ?? fresh, failure('mail_server_unreachable'));
    expect(again).toMatchObject({ provider: 'second', route: { moves: 3 } });
    wait(240_000);
    expect(lane('second').before(again?.route ?? fresh)).toBeUndefined();
    wait(1);
    expect(lane('second').before(again?.route ?? fresh)).toMatchObject({ provider: 'first' });
  });

  test('has nowhere to go where there is only one provider', async () => {
    const { lane, send, answer } = surroundings('only');
    answer('only', failure('mail_server_unreachable'));
    await send('only', 20);
    expect(lane('only').before(fresh)).toBeUndefined();
    expect(lane('only').after(fresh, failure('mail_server_unreachable'))).toBeUndefined();
  });
});

describe('a provider that fails', () => {
  test('five times in a row is left alone, then tried once, and taken back when that works', async () => {
    const { routing, lane, send, answer, wait } = surroundings('first', 'second');
    answer('first', failure('mail_server_unreachable'));
    await send('first', 4);
    expect(routing.stateOf('first')).toBe('closed');
    expect(lane('first').before(fresh)).toBeUndefined();
    await send('first');
    expect(routing.stateOf('first')).toBe('open');
    expect(lane('first').before(fresh)).toMatchObject({ provider: 'second' });
    wait(5_000);
    expect(routing.stateOf('first')).toBe('half_open');
    expect(lane('first').before(fresh)).toBeUndefined();
    answer('first', undefined);
    await send('first');
    expect(routing.stateOf('first')).toBe('closed');
  });

  test('is left alone twice as long after each probe that fails, up to five minutes', async () => {
    const { routing, send, answer, wait } = surroundings('first', 'second');
    answer('first', failure('mail_configuration'));
    await send('first', 5);
    const rests: number[] = [];
    for (let probe = 0; probe < 8; probe++) {
      let rest = 0;
      for (; routing.stateOf('first') === 'open'; rest += 1_000) wait(1_000);
      rests.push(rest);
      await send('first');
    }
    expect(rests).toEqual([5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
  });

  test('counts failures in a row only; a message or recipient that it refuses shows that it works', async () => {
    const { routing, send, answer } = surroundings('first', 'second');
    for (const between of [undefined, failure('mail_rejected'), failure('recipient_rejected')]) {
      answer('first', failure('mail_server_unreachable'));
      await send('first', 4);
      answer('first', between);
      await send('first');
    }
    answer('first', failure('mail_server_unreachable'));
    await send('first', 4);
    expect(routing.stateOf('first')).toBe('closed');
  });

  test('says nothing by what is in doubt', async () => {
    const { routing, send, answer } = surroundings('first', 'second');
    answer('first', failure('delivery_in_doubt'));
    await send('first', 20);
    expect(routing.stateOf('first')).toBe('closed');
  });

  test('is not asked by a second message while a first one probes', async () => {
    const { routing, lane, send, answer, wait } = surroundings('first', 'second');
    answer('first', failure('mail_server_unreachable'));
    await send('first', 5);
    wait(5_000);
    const probing = send('first');
    expect(lane('first').before(fresh)).toMatchObject({ provider: 'second' });
    await probing;
    expect(routing.stateOf('first')).toBe('open');
  });
});

describe('a provider that asks for a pause', () => {
  test('has it from all messages at once, while others go on', async () => {
    const { lane, send, answer, wait } = surroundings('first', 'second');
    answer('first', new ProviderPause('mail_refused_for_now', 'slow down', 60));
    await send('first');
    expect(lane('first').before(fresh)).toMatchObject({ provider: 'second' });
    wait(60_000);
    expect(lane('first').before(fresh)).toBeUndefined();
  });

  test('has it, too, when it is the only one: what waits is told how long', async () => {
    const { lane, send, answer, wait } = surroundings('only');
    answer('only', new ProviderPause('mail_refused_for_now', 'slow down', 60));
    await send('only');
    wait(20_000);
    expect(() => lane('only').before(fresh)).toThrow(expect.objectContaining({ code: 'mail_refused_for_now', retryAfterSeconds: 40 }));
  });

  test('is not a server that wants one message later', async () => {
    const { routing, send, answer } = surroundings('first', 'second');
    answer('first', new AppError('mail_refused_for_now', 'greylisted', { retryable: true, retryAfterSeconds: 300 }));
    await send('first');
    expect(routing.stateOf('first')).toBe('closed');
  });
});

test('a new delivery begins at the first provider, however long the second one was used', async () => {
  const { lane, send, answer, wait } = surroundings('first', 'second');
  answer('first', failure('mail_server_unreachable'));
  await send('first', 5);
  await send('second', 5);
  wait(5_000);
  expect(lane('second').before(fresh)).toMatchObject({ provider: 'first', lane: null });
});
