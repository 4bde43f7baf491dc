import { ApplicationFailure, isCancellation } from '@temporalio/workflow';

import type { DeliveryOutcome } from '../activities/delivery.ts';
import type { EmailInput, EmailResult, RecipientOutcome } from '../src/jobs/email.ts';
import { isExhausted, replyOf } from './failure.ts';
import { job } from './job.ts';

type Settled = PromiseSettledResult<DeliveryOutcome>;

/** One delivery a recipient, so that one recipient's trouble neither blocks nor repeats another's mail. */
export const sendEmail = job<EmailInput, EmailResult>(async ({ tenant, input }, { stepForEach, achieves, ownPauses, beganAt }) => {
  const { to, named = to } = input;
  const date = input.date ?? beganAt.toISOString();
  const settled: Settled[] = [];
  const messages = () => named.map((recipient, index) => outcomeOf(recipient, settled[index]));
  achieves(() => ({ messages: messages() }));
  await stepForEach(
    'deliverEmail',
    to,
    (recipient, index) => ({
      summary: `recipient ${String(index + 1)} of ${String(to.length)}`,
      argument: { ...input, tenant, date, recipient, route: { failedAt: {}, moves: 0 }, ...(ownPauses && { ownPauses }) },
    }),
    settled,
  );
  const failures = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
  if (failures.length === 0) return { messages: messages() };
  const expiredOnly = failures.length === to.length && failures.every((failure) => replyOf(failure).type === 'expired');
  if (expiredOnly && failures[0]) throw failures[0];
  throw partialFailure(messages(), failures);
});

function outcomeOf(recipient: string, outcome: Settled | undefined): RecipientOutcome {
  if (outcome?.status === 'fulfilled') {
    const { messageId, ...rest } = { ...outcome.value, recipient };
    return rest.status === 'sent' ? { ...rest, messageId } : rest;
  }
  if (outcome === undefined || isCancellation(outcome.reason)) return { recipient, status: 'not_sent' };
  const { type, message } = replyOf(outcome.reason);
  const status = type === 'delivery_in_doubt' ? 'in_doubt' : isExhausted(outcome.reason) ? 'not_sent' : 'failed';
  return { recipient, status, code: type, response: message };
}

/** What decides how the whole job is told: what may have been sent unseen weighs most, what never began least. */
const weightOf = (failure: Error): number => ['delivery_in_doubt', undefined, 'expired'].indexOf(weighed(replyOf(failure).type));
const weighed = (type: string) => (type === 'delivery_in_doubt' || type === 'expired' ? type : undefined);

/** Names what happened to each recipient: with several, some may have their mail. */
function partialFailure(messages: RecipientOutcome[], failures: Error[]): ApplicationFailure {
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
