import type { PlaceAnswer, PlaceCheck, PlaceCheckResult, PlaceRequest } from '../src/jobs/concurrency.ts';
import { classified } from './failures.ts';
import { currentJobId } from './current-job.ts';
import { heartbeating } from './heartbeat.ts';

/** All throw AppError `temporal_unavailable` or `database_unavailable`, which are `retryable`. */
export interface Places {
  /** Puts the job into the line. Repeating it changes nothing. */
  ask(request: PlaceRequest & { jobId: string }): Promise<PlaceAnswer>;
  check(request: PlaceCheck): Promise<PlaceCheckResult>;
}

export interface LimitDependencies {
  places: Places;
}

export function limitActivities({ places }: LimitDependencies) {
  return {
    /** Asks for a place in the name of the job; `placeSignal` tells it when it has one. */
    askForPlace(request: PlaceRequest): Promise<PlaceAnswer> {
      return classified(() => heartbeating(() => places.ask({ ...request, jobId: currentJobId() })));
    },

    /** Which of these jobs need their places no more, and what the limit is now. */
    checkPlaces(request: PlaceCheck): Promise<PlaceCheckResult> {
      return classified(() => heartbeating(() => places.check(request)));
    },
  };
}
