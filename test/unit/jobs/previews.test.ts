import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { Client } from '@temporalio/client';

import { AppError } from '../../../src/errors.ts';
import { createPreviews } from '../../../src/jobs/previews.ts';
import type { PreviewOrder } from '../../../src/jobs/report-preview.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const order = { tenant: 'acme' } as PreviewOrder;

interface Fake {
  start?: () => Promise<void>;
  remove: () => Promise<void>;
  waited?: () => Promise<{ rows: never[] }>;
}

/** As the client of Temporal behaves: a call does not notice a signal that was aborted before it. */
function temporal({ start = () => Promise.resolve(), remove, waited = () => Promise.resolve({ rows: [] }) }: Fake) {
  const run = (_: unknown, body: () => unknown) => body();
  const result = jest.fn(waited);
  const client = {
    options: { namespace: 'default' },
    ...{ withDeadline: run, withAbortSignal: run },
    workflow: { start, getHandle: () => ({ result }) },
    workflowService: { deleteWorkflowExecution: remove },
  } as unknown as Client;
  const call = <T>(body: (connected: Client) => Promise<T>) => body(client);
  return { previews: createPreviews({ call }, () => client, 'queue'), result };
}

test('a preview that Temporal does not remove now is removed as soon as it answers again', async () => {
  const answers = [true, true, false];
  const remove = jest.fn(() =>
    answers.shift() === true ? Promise.reject(new AppError('temporal_unavailable', 'away')) : Promise.resolve(),
  );
  const { previews } = temporal({ remove });
  await previews.preview(order, { seconds: 1, signal: new AbortController().signal });
  expect(remove).toHaveBeenCalledTimes(1);
  await jest.advanceTimersByTimeAsync(60_000);
  expect(remove).toHaveBeenCalledTimes(3);
  expect(jest.getTimerCount()).toBe(0);
});

test('what Temporal refuses to remove is not asked for again', async () => {
  const remove = jest.fn(() => Promise.reject(new Error('NOT_FOUND')));
  const { previews } = temporal({ remove });
  await previews.preview(order, { seconds: 1, signal: new AbortController().signal });
  await jest.advanceTimersByTimeAsync(60_000);
  expect(remove).toHaveBeenCalledTimes(1);
});

test('whoever leaves while the preview is being started is not waited for, and it goes', async () => {
  const leaving = new AbortController();
  const remove = jest.fn(() => Promise.resolve());
  const { previews, result } = temporal({
    start: () => {
      leaving.abort();
      return Promise.resolve();
    },
    remove,
  });
  await expect(previews.preview(order, { seconds: 1, signal: leaving.signal })).rejects.toMatchObject({ name: 'AbortError' });
  expect(result).not.toHaveBeenCalled();
  expect(remove).toHaveBeenCalledTimes(1);
});

test('whoever leaves while it is being made is not waited for either, even if the call to Temporal goes on', async () => {
  const leaving = new AbortController();
  const remove = jest.fn(() => Promise.resolve());
  const waited = () => {
    leaving.abort();
    return new Promise<never>(() => undefined);
  };
  const { previews } = temporal({ remove, waited });
  await expect(previews.preview(order, { seconds: 1, signal: leaving.signal })).rejects.toMatchObject({ name: 'AbortError' });
  expect(remove).toHaveBeenCalledTimes(1);
});
