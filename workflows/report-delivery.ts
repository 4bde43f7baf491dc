import { upsertMemo } from '@temporalio/workflow';

import type { ReportInput, ReportResult } from '../src/jobs/report.ts';
import type { DeliveryInput, PreparedDelivery, ReportMail } from '../src/jobs/report-delivery.ts';
import type { JobContext } from './job.ts';
import { failuresIn, outcomeOf, partialFailure, type Settled } from './recipients.ts';

type Context = Pick<JobContext<ReportResult>, 'step' | 'stepForEach' | 'achieves' | 'ownPauses'>;
type Message = NonNullable<PreparedDelivery['message']>;

/**
 * What becomes of the files once all are there. Each recipient has a delivery of its own; whatever fails here, no output is made
 * again. The result says what became of whom, also of a job that fails here.
 */
export async function deliverReport(
  { tenant, title, delivery, done }: Pick<ReportInput, 'title'> & { tenant: string; delivery: DeliveryInput; done: ReportResult },
  context: Context,
): Promise<ReportResult> {
  const { email, skipIfEmpty = false } = delivery;
  const at = new Date().toISOString();
  const fileIds = done.files.map(({ id }) => id);
  const { files, message } = await context.step('prepareDelivery')({ ...delivery, tenant, title, rows: done.rows, fileIds, at });
  const current = new Map(files.map((file) => [file.id, file]));
  const made = { rows: done.rows, files: done.files.map((file) => ({ ...file, ...current.get(file.id) })) };
  if (email !== undefined && message !== undefined) return sent({ tenant, email, message, at, made }, context);
  return skipIfEmpty && done.rows === 0 ? { ...made, delivery: { status: 'skipped_empty', emails: [] } } : made;
}

async function sent(
  { tenant, email, message, at, made }: { tenant: string; email: ReportMail; message: Message; at: string; made: ReportResult },
  { stepForEach, achieves, ownPauses }: Context,
): Promise<ReportResult> {
  const { to, named = to, duplicatePolicy } = email;
  const { content, ...how } = message;
  const settled: Settled[] = [];
  const emails = () => named.map((recipient, index) => outcomeOf(recipient, settled[index]));
  const result = (): ReportResult => ({ ...made, delivery: { status: 'incomplete', ...how, emails: emails() } });
  achieves(result);
  const shared = {
    tenant,
    to,
    content,
    date: at,
    ...(duplicatePolicy !== undefined && { duplicatePolicy }),
    ...(ownPauses && { ownPauses }),
  };
  await stepForEach(
    'deliverEmail',
    to,
    (recipient, index) => ({
      summary: `recipient ${String(index + 1)} of ${String(to.length)}`,
      argument: { ...shared, recipient, route: { failedAt: {}, moves: 0 } },
    }),
    settled,
  );
  const failures = failuresIn(settled);
  if (failures.length === 0) return { ...made, delivery: { status: 'delivered', ...how, emails: emails() } };
  // The files are there all the same.
  upsertMemo({ outcome: result() });
  throw partialFailure(emails(), failures);
}
