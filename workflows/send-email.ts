import type { EmailInput, EmailResult } from '../src/jobs/email.ts';
import { replyOf } from './failure.ts';
import { job } from './job.ts';
import { failuresIn, outcomeOf, partialFailure, type Settled } from './recipients.ts';

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
  const failures = failuresIn(settled);
  if (failures.length === 0) return { messages: messages() };
  const expiredOnly = failures.length === to.length && failures.every((failure) => replyOf(failure).type === 'expired');
  if (expiredOnly && failures[0]) throw failures[0];
  throw partialFailure(messages(), failures);
});
