import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';

import { createDelivering, type Delivering, type DeliveryDependencies } from '../../../activities/delivery.ts';
import type { MailSender, OutgoingMessage, Suppressions } from '../../../activities/mail-ports.ts';
import { AppError, type ErrorCode } from '../../../src/errors.ts';
import { countingWatch, memoryLedger } from '../../support/deliveries.ts';

const delivery: Delivering = {
  tenant: 'acme',
  jobId: 'email_abcdef234567abcdef234567ab',
  seq: 0,
  recipient: 'ada@example.com',
  to: ['ada@example.com', 'bob@example.com'],
  content: { subject: 'Hello', text: 'Hi' },
  category: 'transactional',
  duplicatePolicy: 'at_least_once',
  date: new Date('2026-11-22T12:00:00.000Z'),
};

type Sending = (message: OutgoingMessage, leave: () => Promise<void>) => Promise<string>;

const takes: Sending = async (_message, leave) => {
  await leave();
  return '250 taken';
};
const refuses =
  (code: ErrorCode, { retryable = false, after = false } = {}): Sending =>
  async (_message, leave) => {
    if (after) await leave();
    throw new AppError(code, `it was ${code}`, { retryable });
  };
const later = refuses('mail_refused_for_now', { retryable: true });
/** As a sender that loses its connection after the whole message. */
const loses = refuses('delivery_in_doubt', { retryable: true, after: true });

/** A place where one delivery is tried again and again, each time with another fate. */
function trial(changes: Partial<DeliveryDependencies> & { policy?: Delivering['duplicatePolicy'] } = {}) {
  const { policy = 'at_least_once', ...more } = changes;
  const ledger = memoryLedger();
  const watch = countingWatch();
  const sent: OutgoingMessage[] = [];
  let fate = takes;
  const mail: MailSender = {
    async send(message, { beforeContent }) {
      const response = await fate(message, async () => {
        await beforeContent('smtp');
        sent.push(message);
      });
      return { response, provider: 'smtp' };
    },
    close: () => Promise.resolve(),
  };
  const deliverer = createDelivering({
    ...{ mail, ledger, watch, defaultFrom: 'shop@example.org', recipientHash: () => Promise.resolve('ab12') },
    files: { read: () => Readable.from([]) },
    ...more,
  });
  const one = { ...delivery, duplicatePolicy: policy };
  return {
    ledger,
    sent,
    told: watch.told,
    row: () => ledger.rows()[0],
    claim: async () => (await ledger.claim([await deliverer.toClaim(one)], { newCall: false }))[0],
    /** @returns what the caller gets: the outcome, or the failure. */
    async attempt(next: Sending, signal = new AbortController().signal, content = delivery.content): Promise<unknown> {
      fate = next;
      const [claim] = await ledger.claim([await deliverer.toClaim(one)], { newCall: false });
      if (claim === undefined) throw new Error('no claim');
      return deliverer.deliver({ ...one, content }, claim, signal).catch((error: unknown) => error);
    },
  };
}

describe('what was sent', () => {
  test('is not sent again: another attempt gives the outcome of the first', async () => {
    const place = trial();
    const outcome = {
      recipient: 'ada@example.com',
      messageId: expect.stringMatching(/^<[0-9a-f]{32}@example\.org>$/),
      status: 'sent',
      response: '250 taken',
    };
    expect(await place.attempt(takes)).toEqual(outcome);
    expect(await place.attempt(takes)).toEqual(outcome);
    expect(place.sent).toHaveLength(1);
    expect(place.row()).toMatchObject({ state: 'sent', provider: 'smtp', response: '250 taken', recipientHash: 'ab12' });
  });

  test('is told as sent although the ledger can not be reached any more', async () => {
    const place = trial();
    place.ledger.settle = () => Promise.reject(new AppError('database_unavailable', 'away', { retryable: true }));
    expect(await place.attempt(takes, AbortSignal.abort())).toMatchObject({ status: 'sent' });
    expect(place.row()?.state).toBe('sending');
  });
});

describe('a later attempt', () => {
  test('keeps the one before it from sending', async () => {
    const place = trial();
    const outcome = place.attempt(async (_message, leave) => {
      await place.claim();
      await leave();
      return '250 taken';
    });
    expect(await outcome).toMatchObject({ code: 'timed_out', retryable: true });
    expect(place.sent).toEqual([]);
  });

  test('has the same Message-ID and the same message', async () => {
    const place = trial();
    await place.attempt(loses);
    await place.attempt(takes);
    expect(place.sent[1]).toEqual(place.sent[0]);
  });
});

describe('a refusal', () => {
  test('for now leaves the delivery queued, with the reason', async () => {
    const place = trial();
    expect(await place.attempt(later)).toMatchObject({ code: 'mail_refused_for_now', retryable: true });
    expect(place.row()).toMatchObject({ state: 'queued', code: 'mail_refused_for_now', doubted: false });
    expect(await place.attempt(takes)).toMatchObject({ status: 'sent' });
  });

  test('for now, after the content began to leave, is no doubt: the server said no', async () => {
    const place = trial({ policy: 'at_most_once' });
    await place.attempt(refuses('mail_refused_for_now', { retryable: true, after: true }));
    expect(place.row()).toMatchObject({ state: 'queued', doubted: false });
    expect(await place.attempt(takes)).toMatchObject({ status: 'sent' });
  });

  test.each(['mail_rejected', 'recipient_rejected'] as const)('for good (%s) is the outcome, whoever asks again', async (code) => {
    const place = trial();
    for (let attempt = 1; attempt <= 2; attempt += 1) expect(await place.attempt(refuses(code))).toMatchObject({ code, retryable: false });
    expect(place.row()).toMatchObject({ state: 'failed', code });
  });

  test.each([
    ['recipient_rejected', ['acme ada@example.com']],
    ['mail_rejected', []],
  ] as const)('%s suppresses %j', async (code, expected) => {
    const told: string[] = [];
    const suppressions: Suppressions = {
      suppressed: () => Promise.resolve(new Map()),
      recipientRejected: (tenant, address) => Promise.resolve(void told.push(`${tenant} ${address}`)),
    };
    await trial({ suppressions }).attempt(refuses(code));
    expect(told).toEqual(expected);
  });

  test('of our own settings is counted apart, and told', async () => {
    const place = trial();
    await place.attempt(refuses('mail_configuration', { retryable: true }));
    await place.attempt(refuses('mail_configuration', { retryable: true }));
    expect(place.row()).toMatchObject({ state: 'queued', held: 2 });
    expect(place.told).toEqual(['held', 'held']);
  });
});

describe('when nobody knows whether it was taken', () => {
  test('at least once: it is sent again, and counted once', async () => {
    const place = trial();
    expect(await place.attempt(loses)).toMatchObject({ code: 'delivery_in_doubt', retryable: true });
    expect(place.row()).toMatchObject({ state: 'queued', code: 'delivery_in_doubt', doubted: true });
    expect(await place.attempt(takes)).toMatchObject({ status: 'sent' });
    expect(place.told).toEqual(['in doubt, repeated', 'sent by smtp']);
  });

  test('at most once: it is not sent again, whoever asks', async () => {
    const place = trial({ policy: 'at_most_once' });
    for (const fate of [loses, takes, takes])
      expect(await place.attempt(fate)).toMatchObject({ code: 'delivery_in_doubt', retryable: false });
    expect(place.sent).toHaveLength(1);
    expect(place.row()).toMatchObject({ state: 'in_doubt', code: 'delivery_in_doubt' });
    expect(place.told).toEqual(['in doubt, stopped']);
  });

  test.each([
    ['at_least_once', { status: 'sent' }, 2, ['in doubt, repeated', 'sent by smtp']],
    ['at_most_once', { code: 'delivery_in_doubt', retryable: false }, 1, ['in doubt, stopped']],
  ] as const)('a worker that died while it sent counts as doubt: %s', async (policy, expected, times, told) => {
    const place = trial({ policy });
    await new Promise<void>((dead) => {
      const forever = place.attempt(async (_message, leave) => {
        await leave();
        dead();
        return new Promise(() => undefined);
      });
      forever.catch(() => undefined);
    });
    expect(place.row()?.state).toBe('sending');
    expect(await place.attempt(takes)).toMatchObject(expected);
    expect(place.sent).toHaveLength(times);
    expect(place.told).toEqual(told);
  });

  test('a doubt stays one when the next attempt is refused for now, and in the end for good', async () => {
    const place = trial();
    await place.attempt(loses);
    await place.attempt(later);
    expect(place.row()).toMatchObject({ state: 'queued', doubted: true });
    expect(await place.attempt(refuses('recipient_rejected'))).toMatchObject({
      code: 'delivery_in_doubt',
      message: expect.stringContaining('it was recipient_rejected'),
      retryable: false,
    });
    expect(place.row()).toMatchObject({ state: 'in_doubt' });
  });

  test('an attempt that was given up, and was taken all the same, makes it sent', async () => {
    const place = trial({ policy: 'at_most_once' });
    const [old] = [await place.claim()];
    if (old === undefined) throw new Error('no claim');
    await place.ledger.begin(old, 'smtp');
    expect(await place.attempt(takes)).toMatchObject({ code: 'delivery_in_doubt' });
    await place.ledger.settle(old, { state: 'sent', response: '250 late', provider: 'smtp' });
    expect(await place.attempt(takes)).toMatchObject({ status: 'sent', response: '250 late' });
  });
});

describe('what is sent', () => {
  test('goes to nobody who is suppressed, and that is no failure', async () => {
    const suppressions: Suppressions = {
      suppressed: (_tenant, addresses) => Promise.resolve(new Map([[addresses[0] ?? '', 'bounce']])),
      recipientRejected: () => Promise.resolve(),
    };
    const place = trial({ suppressions });
    for (const fate of [takes, later]) expect(await place.attempt(fate)).toMatchObject({ status: 'suppressed', code: 'bounce' });
    expect(place.sent).toEqual([]);
    expect(place.row()).toMatchObject({ state: 'suppressed', code: 'bounce' });
  });

  test('is rendered from the template for the time of the job, with the links to unsubscribe', async () => {
    const place = trial({
      templates: {
        render: (tenant, { name, version }, { who, unsubscribeUrl }, now) =>
          Promise.resolve({
            subject: `${tenant} ${name}@${String(version)}`,
            text: `Hi ${String(who)}, ${now.toISOString()} ${String(unsubscribeUrl)}`,
          }),
      },
      unsubscribe: {
        linkFor: () => Promise.resolve('https://x.example/u'),
        headersFor: () => Promise.resolve([['List-Unsubscribe', '<https://x.example/u>']]),
      },
    });
    await place.attempt(takes, undefined, {
      template: { name: 'welcome', version: 3, variables: { who: 'Ada' } },
      headers: { 'X-Order': '42' },
    });
    expect(place.sent[0]).toMatchObject({
      subject: 'acme welcome@3',
      text: 'Hi Ada, 2026-11-22T12:00:00.000Z https://x.example/u',
      headers: [
        ['X-Order', '42'],
        ['List-Unsubscribe', '<https://x.example/u>'],
      ],
    });
  });

  test('is left queued when it is broken off before the content', async () => {
    const place = trial();
    const abort = new AbortController();
    const reason = new Error('cancelled');
    const outcome = await place.attempt(() => {
      abort.abort(reason);
      return Promise.reject(reason);
    }, abort.signal);
    expect(outcome).toBe(reason);
    expect(place.row()).toMatchObject({ state: 'queued', doubted: false });
  });
});
