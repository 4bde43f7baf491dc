/** How many jobs of one type a tenant may have at work at once. Asked at every submission: answer from memory. */
export interface ConcurrencyLimits {
  /**
   * undefined: no limit; 0: none may begin. It may change at any time: then tell `JobClient.limitChanged`.
   * @throws AppError `database_unavailable`.
   */
  concurrentJobs(tenant: string, type: string): Promise<number | undefined>;
}

export const noLimits: ConcurrencyLimits = { concurrentJobs: () => Promise.resolve(undefined) };

/** First part of the Workflow Id of a limit. */
export const limitIdPrefix = 'slots';

/** First argument of the workflow `concurrencyLimit`; the others are its line, as the run before has left it. */
export interface LimitArgs {
  tenant: string;
  /** Job type. */
  type: string;
  /** null: none any more. */
  limit: number | null;
  /** A new run goes on after so many events. Default: as Temporal suggests. */
  eventsPerRun?: number;
}

/** Argument of `acquireSignal`: a job asks for a place. */
export interface Acquire {
  job: string;
  /** 1 first … 5 last. */
  priority: number;
  /** As it is now. */
  limit: number;
}

/** Argument of `releaseSignal`: a job gives its place back, or leaves the line. */
export interface Release {
  job: string;
}

/** Argument of `limitSignal`. */
export interface NewLimit {
  limit: number | null;
}

/** Argument of the activity `askForPlace`. */
export interface PlaceRequest {
  tenant: string;
  /** Workflow Id of the limit. */
  limitedBy: string;
  /** 1 first … 5 last. Default 3. */
  priority?: number;
}

export interface PlaceAnswer {
  /** null: there is none any more, and no need to wait. */
  limit: number | null;
}

/** Argument of the activity `checkPlaces`. */
export interface PlaceCheck {
  tenant: string;
  type: string;
  /** Jobs that have had a place for a while. */
  jobs: string[];
}

export interface PlaceCheckResult {
  limit: number | null;
  /** Those that have ended, or are not there. */
  gone: string[];
}

/** Of a job under a limit, in its memo as `place`. */
export interface PlaceMemo {
  /** RFC 3339: when it first had a place, which is when it began. */
  firstAt?: string;
  /** RFC 3339: it waits for one since then. */
  since?: string;
  /** That it waits for; kept with `since`. */
  limit?: number;
}

/** Answer of `standingQuery`: where a job stands in the line. */
export interface Standing {
  limit: number | null;
  /** How many have a place. */
  holding: number;
  /** How many wait. */
  waiting: number;
  /** How many of them go first; null: the job does not wait here. */
  ahead: number | null;
}
