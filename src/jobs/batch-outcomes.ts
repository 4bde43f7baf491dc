import { text } from 'node:stream/consumers';

import type { BatchInput } from './batch.ts';
import type { FileStore } from './files.ts';
import { chunkSize, type ListedRecipient } from './recipient-list.ts';

/** `queued`: not yet, or refused for now. `sending`: on its way, or nobody knows yet what came of it. */
export const recipientStatuses = ['queued', 'sending', 'sent', 'failed', 'suppressed', 'in_doubt'] as const;
export type RecipientStatus = (typeof recipientStatuses)[number];

/** What became of one recipient of a batch. */
export interface RecipientReport {
  /** Place in the batch, from 0. */
  seq: number;
  to: string;
  status: RecipientStatus;
  /** Error code of what failed, or why it was suppressed. */
  code: string | null;
  response: string | null;
  messageId: string | null;
  /** Since when it is so. */
  at: Date | null;
}

export type KnownDelivery = Pick<RecipientReport, 'seq' | 'code' | 'response'> & {
  state: RecipientStatus;
  messageId: string;
  changedAt: Date;
};

/** In the order of `seq`; who had no turn yet is missing. @throws AppError `database_unavailable`. */
export interface KnownDeliveries {
  page(jobId: string, options: { state?: RecipientStatus; from?: number; limit: number }): Promise<KnownDelivery[]>;
}

export interface OutcomeSources {
  files: Pick<FileStore, 'read'>;
  deliveries: KnownDeliveries;
}

export interface OutcomeRequest {
  /** Default: all. */
  status?: RecipientStatus | undefined;
  /** The first `seq` of interest. */
  from: number;
  /** How many are looked at in one go. */
  blockSize: number;
}

/** All of a batch, in their order, block by block: the next one is read when the one before is taken. */
export async function* outcomesOf(
  id: string,
  input: Pick<BatchInput, 'recipients' | 'offsets' | 'count'>,
  { files, deliveries }: OutcomeSources,
  { status, from, blockSize }: OutcomeRequest,
): AsyncGenerator<RecipientReport[], void, void> {
  /** Recipients of a row of chunks, by `seq`. */
  async function listed(first: number, last: number): Promise<(seq: number) => string> {
    const [chunk, end] = [Math.floor(first / chunkSize), Math.floor(last / chunkSize) + 1];
    const range = { start: input.offsets[chunk] ?? 0, end: (input.offsets[Math.min(end, input.offsets.length - 1)] ?? 1) - 1 };
    const lines = (await text(files.read(input.recipients, range))).split('\n');
    return (seq) => (JSON.parse(lines[seq - chunk * chunkSize] ?? '{}') as Partial<ListedRecipient>).address ?? '';
  }
  const reportOf = (seq: number, to: string, known: KnownDelivery | undefined): RecipientReport => {
    const { state = 'queued', code = null, response = null, messageId = null, changedAt: at = null } = known ?? {};
    return { seq, to, status: state, code, response, messageId, at };
  };

  if (status === undefined || status === 'queued') {
    for (let first = from; first < input.count; first += blockSize) {
      const end = Math.min(first + blockSize, input.count);
      const [addressOf, rows] = await Promise.all([listed(first, end - 1), deliveries.page(id, { from: first, limit: blockSize })]);
      const known = new Map(rows.map((row) => [row.seq, row]));
      const block = Array.from({ length: end - first }, (_, index) => first + index);
      yield block
        .map((seq) => reportOf(seq, addressOf(seq), known.get(seq)))
        .filter((one) => status === undefined || one.status === status);
    }
    return;
  }
  for (let first = from; ;) {
    const rows = await deliveries.page(id, { state: status, from: first, limit: blockSize });
    const reports: RecipientReport[] = [];
    for (let index = 0; index < rows.length;) {
      const chunk = Math.floor((rows[index]?.seq ?? 0) / chunkSize);
      const addressOf = await listed(chunk * chunkSize, chunk * chunkSize);
      for (let row = rows[index]; row !== undefined && Math.floor(row.seq / chunkSize) === chunk; row = rows[++index])
        reports.push(reportOf(row.seq, addressOf(row.seq), row));
    }
    yield reports;
    if (rows.length < blockSize) return;
    first = (rows.at(-1)?.seq ?? 0) + 1;
  }
}
