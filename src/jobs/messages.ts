/** Changes a job that has not begun: argument of `editUpdate`. What is left out stays. */
export interface Edit {
  /** RFC 3339. */
  startAt?: string;
  /** null: no deadline. */
  ttlSeconds?: number | null;
  /** 1 first … 5 last. */
  priority?: number;
  /** Replaces the input, or, with `merge`, some fields of it. */
  input?: unknown;
  merge?: boolean;
  /** Values for the search attribute `HandoffLabels`. */
  labels?: string[];
  /** What describe shall tell from now on. */
  memo: Record<string, unknown>;
}

/** Argument of `retrySignal`. */
export interface Retry {
  /**
   * `redrives` of the dead letter that this was decided for: when it comes late it does not touch the next one. Default: the one
   * that is parked now.
   */
  redrives?: number;
}

/** Argument of `discardSignal`. */
export interface Discard extends Retry {
  reason?: string;
}

/** Argument of `noteSignal`. */
export interface NewNote {
  text: string;
  /** RFC 3339. */
  at: string;
}

/** Of a parked job, in its memo as `dead`. */
export interface DeadLetterMemo {
  step: string;
  reasonClass: string;
  code: string;
  message: string;
  attempts: number | null;
  redrives: number;
  /** RFC 3339. */
  since: string;
  closesAt: string;
}
