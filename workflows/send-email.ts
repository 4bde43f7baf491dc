import { ApplicationFailure, isCancellation } from '@temporalio/workflow';

import type { JobArgs } from '../src/jobs/definition.ts';
import type { EmailInput, EmailResult, SentMessage } from '../src/jobs/email.ts';
import { replyOf } from './failure.ts';
import { activity } from './policies.ts';

/** One delivery a recipient, so that one recipient's trouble neither blocks nor repeats another's mail. */
export async function sendEmail({ input }: JobArgs<EmailInput>): Promise<EmailResult> {
  const count = input.to.length;
  const outcomes = await Promise.allSettled(
    input.to.map((recipient, index) =>
      activity('deliverEmail', `recipient ${String(index + 1)} of ${String(count)}`)({ ...input, recipient }),
    ),
  );
  const failures = outcomes.filter((outcome) => outcome.status === 'rejected').map((outcome) => outcome.reason as Error);
  const cancelled = failures.find((reason) => isCancellation(reason));
  if (cancelled !== undefined) throw cancelled;
  if (failures.length === 0) return { messages: outcomes.map((outcome) => (outcome as PromiseFulfilledResult<SentMessage>).value) };
  throw partialFailure(input.to, outcomes, failures[0]);
}

/** Names what happened to each recipient: with several, some may have their mail. */
function partialFailure(to: string[], outcomes: PromiseSettledResult<SentMessage>[], first: unknown): ApplicationFailure {
  const reply = replyOf(first);
  const messages = outcomes.map((outcome, index) =>
    outcome.status === 'fulfilled'
      ? outcome.value
      : { recipient: to[index], status: 'failed', code: replyOf(outcome.reason).type, response: replyOf(outcome.reason).message },
  );
  const failed = outcomes.filter((outcome) => outcome.status === 'rejected').length;
  return ApplicationFailure.create({
    type: reply.type,
    message: to.length === 1 ? reply.message : `${String(failed)} of ${String(to.length)} recipients failed: ${reply.message}`,
    nonRetryable: true,
    details: [{ messages }],
    ...(first instanceof Error && { cause: first }),
  });
}
