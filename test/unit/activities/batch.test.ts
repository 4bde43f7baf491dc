import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';

import { batchActivities } from '../../../activities/batch.ts';
import { createDelivering } from '../../../activities/delivery.ts';
import type { MailSender, OutgoingMessage } from '../../../activities/mail-ports.ts';
import { AppError, type ErrorCode } from '../../../src/errors.ts';
import type { ChunkCall, ChunkResult } from '../../../src/jobs/batch-chunk.ts';
import { runActivity, type RunOptions } from '../../support/activity.ts';
import { countingWatch, memoryLedger } from '../../support/deliveries.ts';
import { eventually } from '../../support/eventually.ts';

const addresses = (count: number) => Array.from({ length: count }, (_, index) => `r${String(index)}@example.com`);
const failure = (code: ErrorCode, retryable = true) => new AppError(code, 'No.', { retryable });

/** A chunk whose messages come to what `become` says, by address. */
function chunkOf(count: number, become: (address: string) => AppError | undefined = () => undefined) {
  const messages: OutgoingMessage[] = [];
  const tried: string[] = [];
  const fate = { become, isSuppressed: (address: string): boolean => address === '' };
  const mail: MailSender = {
    async send(message, { beforeContent }) {
      tried.push(message.recipient);
      const error = fate.become(message.recipient);
      if (error !== undefined) throw error;
      await beforeContent('smtp');
      messages.push(message);
      return { response: '250 OK', provider: 'smtp' };
    },
    close: () => Promise.resolve(),
  };
  const ledger = memoryLedger();
  const list = addresses(count)
    .map((address, index) => `${JSON.stringify({ address, ...(index === 0 && { name: 'Zero' }) })}\n`)
    .join('');
  const files = { read: () => Readable.from([Buffer.from(list)]) };
  const recipientHash = () => Promise.resolve('hash');
  const asked: string[][] = [];
  const suppressions = {
    suppressed(_tenant: string, these: readonly string[]) {
      asked.push([...these]);
      return Promise.resolve(new Map(these.filter((address) => fate.isSuppressed(address)).map((address) => [address, 'manual'])));
    },
    recipientRejected: () => Promise.resolve(),
  };
  const told = { defaultFrom: 'shop@example.org', watch: countingWatch() };
  const deliverer = createDelivering({ mail, ledger, files, recipientHash, suppressions, ...told });
  const activities = batchActivities({ deliverer, ledger, files, connections: 3 });
  const file = { id: 'file_x', name: 'recipients.ndjson', contentType: 'application/x-ndjson', size: list.length, sha256: 'ab'.repeat(32) };
  const call: ChunkCall = {
    ...{ tenant: 'acme', recipients: file, start: 0, end: list.length, seq: 200, from: 0 },
    ...{ content: { subject: 'News', text: 'Hi' }, category: 'bulk', date: '2026-11-22T12:00:00.000Z', round: 0, last: false },
  };
  return {
    ...{ messages, tried, ledger, fate, asked },
    run: (changes: Partial<ChunkCall> = {}, options: RunOptions = {}) =>
      runActivity(() => activities.sendChunk({ ...call, ...changes }), { jobId: 'batch_abcdef234567abcdef234567ab', ...options }),
  };
}

const counts = { sent: 0, failed: 0, suppressed: 0, inDoubt: 0 };
const states = (chunk: ReturnType<typeof chunkOf>) => chunk.ledger.rows().map(({ state }) => state);

describe('a chunk', () => {
  test('sends each recipient a message in which he stands alone, in one claim, with his place in the batch', async () => {
    const chunk = chunkOf(7);
    expect(await chunk.run().result).toMatchObject({ counts: { ...counts, sent: 7 }, waiting: 0, reached: 7 });
    expect(chunk.messages.map(({ recipient, to }) => [recipient, to])).toEqual(
      addresses(7).map((address, index) => [address, [{ address, ...(index === 0 && { name: 'Zero' }) }]]),
    );
    expect(chunk.ledger.rows().map(({ seq }) => seq)).toEqual([200, 201, 202, 203, 204, 205, 206]);
  });

  test('asks who is suppressed for many together, and sends them nothing', async () => {
    const chunk = chunkOf(60);
    chunk.fate.isSuppressed = (address) => address.endsWith('7@example.com');
    expect(await chunk.run().result).toMatchObject({ counts: { ...counts, sent: 54, suppressed: 6 }, reached: 60 });
    expect(chunk.messages.some(({ recipient }) => recipient.endsWith('7@example.com'))).toBe(false);
    expect(chunk.asked.length).toBeLessThan(10);
  });

  test('asks anew who is suppressed when turns are far apart', async () => {
    const chunk = chunkOf(2);
    const running = chunk.run({ pace: { ratePerSecond: 0.6, nextTurn: null, budget: 2 } });
    await eventually(() => {
      expect(chunk.messages).toHaveLength(1);
    });
    chunk.fate.isSuppressed = () => true;
    expect(await running.result).toMatchObject({ counts: { ...counts, sent: 1, suppressed: 1 } });
  });

  test('sends nothing to those who have an outcome, however often it is run', async () => {
    const chunk = chunkOf(5);
    await chunk.run().result;
    expect(await chunk.run({}, { attempt: 2 }).result).toMatchObject({ counts: { ...counts, sent: 5 } });
    expect(chunk.messages).toHaveLength(5);
  });

  test('goes on past those who are refused, and names those who wait', async () => {
    const chunk = chunkOf(6, (address) => {
      if (address.startsWith('r1@')) return failure('recipient_rejected', false);
      return address.startsWith('r2@') ? failure('mail_refused_for_now') : undefined;
    });
    const result = (await chunk.run().result) as ChunkResult;
    expect(result).toMatchObject({ counts: { ...counts, sent: 4, failed: 1 }, waiting: 1, reached: 6 });
    expect(result.retryInMs).toBeGreaterThanOrEqual(30_000);
    expect(states(chunk)).toEqual(['sent', 'failed', 'queued', 'sent', 'sent', 'sent']);
    // A repeated attempt at the same round is no round of its own.
    await chunk.run({}, { attempt: 2 }).result;
    expect(chunk.tried.filter((address) => address.startsWith('r2@'))).toHaveLength(1);
    expect(await chunk.run({ round: 1, last: true }).result).toMatchObject({ counts: { ...counts, sent: 4, failed: 2 }, waiting: 0 });
  });

  test('is held by what is wrong for all: it begins nothing more, and gives nobody up', async () => {
    const chunk = chunkOf(50, () => failure('mail_configuration'));
    await expect(chunk.run({ last: true }).result).rejects.toMatchObject({ type: 'mail_configuration', nonRetryable: false });
    expect(chunk.tried.length).toBeLessThanOrEqual(3);
    chunk.fate.become = () => undefined;
    expect(await chunk.run({}, { attempt: 2 }).result).toMatchObject({ counts: { ...counts, sent: 50 } });
  });

  test('is held when the server cannot be reached again and again, also in the last round', async () => {
    let answers = 10;
    const chunk = chunkOf(60, () => (answers-- > 0 ? undefined : failure('mail_server_unreachable')));
    await expect(chunk.run({ last: true }).result).rejects.toMatchObject({ type: 'mail_server_unreachable' });
    expect(chunk.tried.length).toBeLessThan(20);
    expect(new Set(states(chunk))).toEqual(new Set(['sent', 'queued']));
  });

  test('gives up single recipients whose connection breaks each time, in the last round', async () => {
    const chunk = chunkOf(10, (address) => (address.startsWith('r3@') ? failure('mail_server_unreachable') : undefined));
    expect(await chunk.run({ last: true }).result).toMatchObject({ counts: { ...counts, sent: 9, failed: 1 }, waiting: 0 });
  });

  test('begins no more than its budget, and nothing after its time; the next call goes on there', async () => {
    const chunk = chunkOf(10);
    const pace = { ratePerSecond: 1_000, nextTurn: null, budget: 4 };
    const first = (await chunk.run({ pace }).result) as ChunkResult;
    expect([first.counts.sent, first.reached]).toEqual([4, 4]);
    expect(await chunk.run({ from: first.reached, until: '2026-11-22T12:00:00.000Z' }).result).toMatchObject({ reached: 4 });
    expect(await chunk.run({ from: first.reached }).result).toMatchObject({ counts: { ...counts, sent: 10 }, reached: 10 });
    expect(chunk.messages).toHaveLength(10);
  });

  test('lets end what is on its way when it is told to stop, and says how far it came', async () => {
    const chunk = chunkOf(100);
    const running = chunk.run({ pace: { ratePerSecond: 50, nextTurn: null, budget: 100 } });
    chunk.fate.become = (address) => {
      if (address.startsWith('r5@')) running.cancel();
      return undefined;
    };
    const { counts: reachedCounts, reached } = (await running.result) as ChunkResult;
    expect(reachedCounts.sent).toBe(chunk.messages.length);
    expect(chunk.messages.length).toBeLessThan(100);
    expect(reached).toBe(chunk.messages.length);
    expect(states(chunk).filter((state) => state === 'sending')).toEqual([]);
  });
});
