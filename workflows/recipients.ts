import { ApplicationFailure, isCancellation } from '@temporalio/workflow';

import type { DeliveryOutcome } from '../activities/delivery.ts';
import type { RecipientOutcome } from '../src/jobs/email.ts';
import { isExhausted, replyOf } from './failure.ts';

/** What became of one recipient's delivery. */
export type Settled = PromiseSettledResult<DeliveryOutcome>;

export function outcomeOf(recipient: string, outcome: Settled | undefined): RecipientOutcome {
  if (outcome?.status === 'fulfilled') {
    const { messageId, ...rest } = { ...outcome.value, recipient };
    return rest.status === 'sent' ? { ...rest, messageId } : rest;
  }
  if (outcome === undefined || isCancellation(outcome.reason)) return { recipient, status: 'not_sent' };
  const { type, message } = replyOf(outcome.reason);
  const status = type === 'delivery_in_doubt' ? 'in_doubt' : isExhausted(outcome.reason) ? 'not_sent' : 'failed';
  return { recipient, status, code: type, response: message };
}

export const failuresIn = (settled: readonly Settled[]): Error[] =>
  settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));

/** What decides how the whole job is told: what may have been sent unseen weighs most, what never began least. */
const weightOf = (failure: Error): number => ['delivery_in_doubt', undefined, 'expired'].indexOf(weighed(replyOf(failure).type));
const weighed = (type: string) => (type === 'delivery_in_doubt' || type === 'expired' ? type : undefined);

/** Names what happened to each recipient: with several, some may have their mail. */
export function partialFailure(messages: RecipientOutcome[], failures: Error[]): ApplicationFailure {
  const [first] = failures.toSorted((one, other) => weightOf(one) - weightOf(other));
  const reply = replyOf(first);
  return ApplicationFailure.create({
    type: reply.type,
    message:
      messages.length === 1
        ? reply.message
        : `${String(failures.length)} of ${String(messages.length)} recipients failed: ${reply.message}`,
    nonRetryable: true,
    details: [{ messages }],
    ...(first && { cause: first }),
  });
}
