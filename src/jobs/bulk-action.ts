import type { ErrorCode } from '../errors.ts';
import type { JobStatus } from './job.ts';
import type { Progress } from './progress.ts';

/** First part of the id. */
export const bulkIdPrefix = 'bulk';

export const bulkActionKinds = ['retry', 'discard', 'cancel'] as const;
export type BulkActionKind = (typeof bulkActionKinds)[number];

/** What each may be done to, as Visibility can tell it: there, `running` covers queued and retrying. */
export const actionable = {
  retry: ['dead_lettered'],
  discard: ['dead_lettered'],
  cancel: ['scheduled', 'running', 'dead_lettered'],
} as const satisfies Record<BulkActionKind, readonly JobStatus[]>;

export type ActionableStatus = (typeof actionable)[BulkActionKind][number];

/** As HTTP takes and shows it. Times are RFC 3339. */
export interface AskedFilter {
  type?: string | undefined;
  status?: ActionableStatus | undefined;
  label?: Record<string, string> | undefined;
  createdAfter?: string | undefined;
  createdBefore?: string | undefined;
}

/** As Temporal may know it. The tenant is no part of it: it is added where the query is made. */
export interface BulkFilter extends Pick<AskedFilter, 'type' | 'createdAfter' | 'createdBefore'> {
  statuses: readonly ActionableStatus[];
  /** All of them must be there. */
  labelHashes: readonly string[];
}

export interface BulkOrder {
  tenant: string;
  action: BulkActionKind;
  filter: BulkFilter;
  /** For `discard`. */
  reason?: string;
  /** Counts, and does nothing else. */
  dryRun: boolean;
  /** 0.1 to 100. */
  ratePerSecond: number;
}

/** The one argument of the workflow `bulkAction`. */
export interface BulkArgs extends BulkOrder {
  /** A new run goes on after so many chunks, to keep each history short. Default 500; Temporal may ask for it earlier. */
  chunksPerRun?: number;
  /** What the run before has left. */
  state?: BulkState;
}

export interface BulkCounts {
  /** By the filter, when it began; at the end, how many it met. */
  matched: number;
  done: number;
  /** Not in a state for it any more, or gone. */
  skipped: number;
  failed: number;
}

export interface BulkFailure {
  jobId: string;
  code: ErrorCode;
}

export interface BulkState {
  /** RFC 3339: what was parked or started later is none of its business. */
  asOf: string;
  counts: BulkCounts;
  /** The first twenty. */
  failures: BulkFailure[];
  /** Of the page that it is at: jobs still to come. */
  jobIds: string[];
  /** Of the next page; null: there is none. */
  pageToken: string | null;
  paused: boolean;
  /** Milliseconds since 1970: when the next job has its turn. null: at once. */
  nextTurn: number | null;
}

/** In the memo of the run as `progress`: what describe tells without a worker. */
export interface BulkProgress extends Pick<BulkState, 'counts' | 'failures' | 'paused'> {
  /** Of a dry run: ids of up to twenty jobs. */
  sample?: string[];
}

/** What became of one job. */
export type BulkOutcome = 'done' | 'skipped' | ErrorCode;

/** Whose jobs, and which. */
export type BulkSelection = Pick<BulkOrder, 'tenant' | 'filter'>;

export interface BulkPageRequest extends BulkSelection {
  /** '' for the first page. */
  pageToken: string;
  pageSize: number;
}

export type BulkPage = Pick<BulkState, 'jobIds' | 'pageToken'>;

/** One thing to do to one job, if it still is in one of the states, and got there before `asOf`. */
export interface JobOperation
  extends Pick<BulkOrder, 'tenant' | 'action' | 'reason'>, Pick<BulkFilter, 'statuses'>, Pick<BulkState, 'asOf'> {
  jobId: string;
}

/** The same for a few jobs in a row: one activity. */
export interface BulkChunk extends Omit<JobOperation, 'jobId'>, Pick<BulkOrder, 'ratePerSecond'>, Pick<BulkState, 'jobIds' | 'nextTurn'> {}

/** Heartbeat of that activity. */
export interface BulkChunkProgress extends Progress {
  /** In the order of the jobs; null: not yet. */
  outcomes: (BulkOutcome | null)[];
}

export interface BulkChunkResult extends Pick<BulkChunkProgress, 'outcomes'> {
  nextTurn: number;
}
