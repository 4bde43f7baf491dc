import { afterEach, describe, expect, test } from '@jest/globals';

import { AppError } from '../../src/errors.ts';
import { freePort } from '../support/free-port.ts';
import { freely } from '../support/mail-server.ts';
import { benches, closeAll, failureOf, type Kind, messageFor, secret, senderFor } from '../support/mail-providers.ts';

afterEach(closeAll);

describe.each(Object.entries(benches))('the provider %s', (_name, start) => {
  test('takes a message for its one recipient, and answers with an id', async () => {
    const { sender, taken, response } = await start();
    const sent = await sender.send(messageFor(), freely());
    expect(sent.provider).toBe('main');
    expect(sent.response).toMatch(response);
    expect(taken()).toMatchObject([{ recipients: ['ada@example.com'] }]);
  });

  test('gets nothing before it is noted that the message is about to leave', async () => {
    const { sender, taken } = await start();
    const noted: unknown[] = [];
    const beforeContent = async (provider: string) => {
      await new Promise((resolve) => setImmediate(resolve));
      noted.push({ provider, taken: taken().length });
    };
    await sender.send(messageFor(), { ...freely(), beforeContent });
    expect(noted).toEqual([{ provider: 'main', taken: 0 }]);
    expect(taken()).toHaveLength(1);
  });

  test('gets nothing when that can not be noted', async () => {
    const { sender, taken } = await start();
    const refused = new AppError('database_unavailable', 'not now');
    await expect(sender.send(messageFor(), { ...freely(), beforeContent: () => Promise.reject(refused) })).rejects.toBe(refused);
    await sender.send(messageFor(), freely());
    expect(taken()).toHaveLength(1);
  });

  test.each<[Kind, string, boolean]>([
    ['permanent', 'mail_rejected', false],
    ['recipient', 'recipient_rejected', false],
    ['transient', 'mail_refused_for_now', true],
    ['configuration', 'mail_configuration', true],
  ])('tells a failure that is %s as %s, without secrets', async (kind, code, retryable) => {
    const { sender, fail, knowsRecipients, pauseSeconds } = await start();
    fail(kind);
    const failure = await failureOf(sender.send(messageFor(), freely()));
    // Others take every recipient, and tell later.
    const expected = kind === 'recipient' && !knowsRecipients ? 'mail_rejected' : code;
    expect(failure).toMatchObject({ code: expected, retryable });
    for (const hidden of [secret, 'ada@example.com'])
      expect(`${failure.message} ${failure.stack ?? ''} ${String(failure.cause)}`).not.toContain(hidden);
    expect(failure.retryAfterSeconds).toBe(kind === 'transient' ? pauseSeconds : undefined);
  });

  test('gets nothing of a message that was given up before', async () => {
    const { sender, taken } = await start();
    const reason = new Error('cancelled');
    await expect(sender.send(messageFor(), { ...freely(), signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const during = new AbortController();
    const beforeContent = () => {
      during.abort(reason);
      return Promise.resolve();
    };
    await expect(sender.send(messageFor(), { signal: during.signal, beforeContent })).rejects.toBe(reason);
    expect(taken()).toEqual([]);
  });

  test('gets the same message twice under the same key, if it knows keys, and another one under another', async () => {
    const { sender, taken, knowsKeys } = await start();
    for (const messageId of ['<one@example.org>', '<one@example.org>', '<other@example.org>'])
      await sender.send(messageFor({ messageId }), freely());
    const [first, again, other] = taken().map(({ key }) => key);
    expect(again).toBe(first);
    expect(typeof first).toBe(knowsKeys ? 'string' : 'undefined');
    expect(other === first).toBe(!knowsKeys);
  });

  test('that can not be reached has certainly taken nothing', async () => {
    const { at } = await start();
    const failure = await failureOf(senderFor(at(await freePort())).send(messageFor(), freely()));
    expect(failure).toMatchObject({ code: 'mail_server_unreachable', retryable: true });
  });
});
