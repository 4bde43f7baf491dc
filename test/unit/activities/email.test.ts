import { once } from 'node:events';
import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import type { ApplicationFailure } from '@temporalio/common';

import type { Delivery } from '../../../activities/email.ts';
import type { MailSender, OutgoingMessage } from '../../../activities/mail-ports.ts';
import { AppError } from '../../../src/errors.ts';
import { runActivity } from '../../support/activity.ts';
import type { DeliveryOutcome } from '../../../activities/delivery.ts';
import { emailActivitiesWith } from '../../support/deliveries.ts';

const delivery: Delivery = {
  tenant: 'acme',
  to: ['ada@example.com', 'bob@example.com'],
  recipient: 'ada@example.com',
  content: { subject: 'Hello', text: 'Hi' },
  date: '2026-11-22T12:00:00.000Z',
};

function deliveries(send: (message: OutgoingMessage, signal: AbortSignal) => Promise<{ response: string }>, stored = '') {
  const mail: MailSender = {
    async send(message, { signal, beforeContent }) {
      await beforeContent('smtp');
      return { ...(await send(message, signal)), provider: 'smtp' };
    },
    close: () => Promise.resolve(),
  };
  return emailActivitiesWith({ mail, files: { read: () => Readable.from([Buffer.from(stored)]) } });
}

describe('deliverEmail', () => {
  test('gives the same message to the sender in every attempt', async () => {
    const messages: OutgoingMessage[] = [];
    const activities = deliveries((message) => {
      messages.push(message);
      return Promise.reject(new AppError('mail_refused_for_now', '451 later', { retryable: true }));
    });
    for (const attempt of [1, 2, 7])
      await expect(runActivity(() => activities.deliverEmail(delivery), { attempt }).result).rejects.toThrow('451 later');
    expect(messages[0]).toEqual({
      from: { address: 'shop@example.org' },
      recipient: 'ada@example.com',
      to: [{ address: 'ada@example.com' }, { address: 'bob@example.com' }],
      category: 'transactional',
      subject: 'Hello',
      text: 'Hi',
      messageId: expect.stringMatching(/^<[0-9a-f]{32,}@example\.org>$/),
      date: new Date('2026-11-22T12:00:00.000Z'),
    });
    expect(messages[1]).toEqual(messages[0]);
    expect(messages[2]).toEqual(messages[0]);
  });

  test('has another Message-ID for another recipient and for another job', async () => {
    const activities = deliveries(() => Promise.resolve({ response: '250' }));
    const idOf = async (recipient: string, jobId: string) =>
      ((await runActivity(() => activities.deliverEmail({ ...delivery, recipient }), { jobId }).result) as DeliveryOutcome).messageId;
    const ids = [
      await idOf('ada@example.com', 'email_a'),
      await idOf('bob@example.com', 'email_a'),
      await idOf('ada@example.com', 'email_b'),
    ];
    expect(new Set(ids).size).toBe(3);
  });

  test('reports the reply of the server', async () => {
    const activities = deliveries(({ messageId }) => Promise.resolve({ response: `250 queued ${messageId.length > 0 ? 'x' : ''}` }));
    expect(await runActivity(() => activities.deliverEmail({ ...delivery, from: 'ada@sender.example' })).result).toEqual({
      recipient: 'ada@example.com',
      messageId: expect.stringMatching(/@sender\.example>$/),
      status: 'sent',
      response: '250 queued x',
    });
  });

  test('reads a large content from its file', async () => {
    let sent: OutgoingMessage | undefined;
    const activities = deliveries((message) => {
      sent = message;
      return Promise.resolve({ response: '250' });
    }, '{"subject":"From a file","html":"<p>ø</p>"}');
    const file = { id: 'file_x', name: 'content.json', contentType: 'application/json', size: 1, sha256: 'ab' };
    await runActivity(() => activities.deliverEmail({ ...delivery, content: { file } })).result;
    expect(sent).toMatchObject({ subject: 'From a file', html: '<p>ø</p>' });
    expect(sent).not.toHaveProperty('text');
  });

  test('tells Temporal what kind of failure it was', async () => {
    const outcome = (error: AppError) =>
      runActivity(() => deliveries(() => Promise.reject(error)).deliverEmail(delivery)).result.catch((failure: unknown) => failure);
    expect(await outcome(new AppError('mail_rejected', '550 no such user'))).toMatchObject({ type: 'mail_rejected', nonRetryable: true });
    expect(await outcome(new AppError('mail_refused_for_now', '451 later', { retryable: true }))).toMatchObject({
      type: 'mail_refused_for_now',
      message: '451 later',
      nonRetryable: false,
    });
  });

  test('tells which attempts of this call our own settings have cost, and none of an earlier call', async () => {
    const activities = deliveries(() => Promise.reject(new AppError('mail_configuration', '535 no', { retryable: true })));
    const told = [];
    for (const attempt of [1, 2, 3, 1]) {
      const failure = (await runActivity(() => activities.deliverEmail(delivery), { attempt }).result.catch(
        (error: unknown) => error,
      )) as ApplicationFailure;
      told.push(failure.details?.[1]);
    }
    expect(told).toEqual([
      { attempt: 1, uncounted: 1 },
      { attempt: 2, uncounted: 2 },
      { attempt: 3, uncounted: 3 },
      { attempt: 1, uncounted: 1 },
    ]);
  });

  test('hands the cancellation on to the sender', async () => {
    const activities = deliveries(async (_message, signal) => {
      if (!signal.aborted) await once(signal, 'abort');
      throw signal.reason;
    });
    const run = runActivity(() => activities.deliverEmail(delivery));
    run.cancel();
    await expect(run.result).rejects.toThrow('cancelled');
  });
});
