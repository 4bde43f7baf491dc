import { ApplicationFailure, isCancellation } from '@temporalio/workflow';

import type { EmailInput, EmailResult, RecipientOutcome, SentMessage } from '../src/jobs/email.ts';
import { isExhausted, replyOf } from './failure.ts';
import { job } from './job.ts';

/** One delivery a recipient, so that one recipient's trouble neither blocks nor repeats another's mail. */
export const sendEmail = job<EmailInput, EmailResult>(async ({ input }, { stepForEach, achieves, beganAt }) => {
  const { to, named = to } = input;
  const date = input.date ?? beganAt.toISOString();
  const settled: PromiseSettledResult<SentMessage>[] = [];
  achieves(() => ({ messages: named.map((recipient, index) => outcomeOf(recipient, settled[index])) }));
  await stepForEach(
    'deliverEmail',
    to,
    (recipient, index) => ({
      summary: `recipient ${String(index + 1)} of ${String(to.length)}`,
      argument: { ...input, date, recipient, route: { failedAt: {}, moves: 0 } },
    }),
    settled,
  );
  const failures = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
  if (failures.length === 0) return { messages: named.map((recipient, index) => outcomeOf(recipient, settled[index])) };
  const expiredOnly = failures.length === to.length && failures.every((failure) => replyOf(failure).type === 'expired');
  if (expiredOnly && failures[0]) throw failures[0];
  throw partialFailure(named, settled, failures);
});

function outcomeOf(recipient: string, outcome: PromiseSettledResult<SentMessage> | undefined): RecipientOutcome {
  if (outcome?.status === 'fulfilled') return { ...outcome.value, recipient };
  if (outcome === undefined || isCancellation(outcome.reason)) return { recipient, status: 'not_sent' };
  const { type, message } = replyOf(outcome.reason);
  return { recipient, status: isExhausted(outcome.reason) ? 'not_sent' : 'failed', code: type, response: message };
}

/** Names what happened to each recipient: with several, some may have their mail. */
function partialFailure(to: string[], settled: PromiseSettledResult<SentMessage>[], failures: Error[]): ApplicationFailure {
  const first = failures.find((failure) => replyOf(failure).type !== 'expired') ?? failures[0];
  const reply = replyOf(first);
  return ApplicationFailure.create({
    type: reply.type,
    message: to.length === 1 ? reply.message : `${String(failures.length)} of ${String(to.length)} recipients failed: ${reply.message}`,
    nonRetryable: true,
    details: [{ messages: to.map((recipient, index) => outcomeOf(recipient, settled[index])) }],
    ...(first && { cause: first }),
  });
}
