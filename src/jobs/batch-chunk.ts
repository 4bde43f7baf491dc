import type { BatchInput, OutcomeCounts } from './batch.ts';
import type { FileReference } from './definition.ts';
import type { SendWindow } from './send-window.ts';

/** Argument of the activity `sendChunk`: up to a hundred recipients of a batch, in their order. */
export interface ChunkCall extends Pick<BatchInput, 'content' | 'category' | 'duplicatePolicy'> {
  tenant: string;
  recipients: FileReference['file'];
  /** Where they stand in `recipients`: the first byte, and the one after the last. */
  start: number;
  end: number;
  /** Place of the first one in the batch, from 0. */
  seq: number;
  /** How many of them have had their turn in this round. */
  from: number;
  /** RFC 3339; the Date header. */
  date: string;
  /** How often all of them had their turn before. */
  round: number;
  /** Who is refused for now has failed: there is no other round. */
  last: boolean;
  pace?: ChunkPace;
  /** RFC 3339: nothing leaves from then on. */
  until?: string;
}

export interface ChunkPace {
  ratePerSecond: number;
  /** Milliseconds since 1970: when the next message has its turn. null: at once. */
  nextTurn: number | null;
  /** How many messages may leave before the workflow looks again, for a pause or a cancellation. */
  budget: number;
}

export interface ChunkResult {
  /** Of all in the chunk. */
  counts: OutcomeCounts;
  /** How many were refused for now, of all in the chunk. */
  waiting: number;
  /** Until they may be tried again. */
  retryInMs: number;
  /** How many have had their turn in this round. */
  reached: number;
  nextTurn: number | null;
}

/** Argument of the activity `nextOpening`. */
export interface OpeningCall {
  window: SendWindow;
}

/** When the window is open next, or is open now. RFC 3339. */
export interface Opening {
  opensAt: string;
  closesAt: string;
}
