import type { Request, Response } from 'express';

import { AppError } from '../errors.ts';
import { isFinished, type Job } from '../jobs/job.ts';
import type { Sighting } from '../jobs/sighting.ts';
import type { Watcher } from '../jobs/watch.ts';
import { tenantOf } from './authentication.ts';
import type { Presenter } from './presentation.ts';

/** In seconds. */
const longestWait = 30;
/** When to look at a job that is not finished, in seconds. */
const nextLook = 1;

/**
 * The `wait` of a `Prefer` header, in seconds; `undefined` when there is none that makes sense. A preference is never an
 * error, the first of a name counts, and no more is granted than we have (RFC 7240, 2 and 4.3).
 */
export function preferredWait(header: string | undefined): number | undefined {
  if (header === undefined || header.length > 1_000) return undefined;
  // A comma in a quoted string parts nothing.
  const unquoted = header.replaceAll(/"((?:[^"\\]|\\.)*)"/g, (_all, inner: string) => (/^\d+$/.test(inner) ? inner : 'quoted'));
  const first = unquoted.split(',').find((preference) => /^\s*wait\s*(?:[=;]|$)/i.test(preference));
  const [, seconds] = /^\s*wait\s*=\s*(\d+)\s*(?:;|$)/i.exec(first ?? '') ?? [];
  const wanted = Math.min(Number(seconds ?? 0), longestWait);
  return wanted > 0 ? wanted : undefined;
}

/** `?wait=N`, in seconds. @throws AppError `value_out_of_range`. */
export function queriedWait(request: Request): number | undefined {
  const { wait } = request.query;
  if (wait === undefined) return undefined;
  if (typeof wait === 'string' && /^\d{1,9}$/.test(wait) && Number(wait) <= longestWait) return Number(wait);
  const detail = `must be a whole number from 0 to ${String(longestWait)}`;
  throw new AppError('value_out_of_range', `wait: ${detail}.`, { errors: [{ pointer: '#query:wait', detail }] });
}

export interface Waiting {
  /**
   * Until a later look shows what is `enough`; the job has finished; the time is over; the client has left; or the watch
   * ends, above all because the process stops.
   * @returns what was seen last; `undefined` for an unknown job. @throws AppError `temporal_unavailable`.
   */
  until(response: Response, id: string, seconds: number, enough?: (sighting: Sighting) => boolean): Promise<Job | undefined>;
  /** Answers a submission: 202, or 200 when `Prefer: wait` was asked for and the job finished in that time. */
  answer(request: Request, response: Response, job: Job): Promise<void>;
}

export function createWaiting({ watcher, presenter }: { watcher: Watcher; presenter: Presenter }): Waiting {
  const finished = ({ job }: Sighting) => isFinished(job.status);

  const until: Waiting['until'] = async (response, id, seconds, enough = finished) => {
    const watching = await watcher.join(tenantOf(response), id);
    if (watching === undefined) return undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve) => {
        if (finished(watching.sighting) || response.closed) resolve();
        response.once('close', resolve);
        timer = setTimeout(resolve, seconds * 1000);
        const look = (sighting: Sighting) => {
          if (finished(sighting) || enough(sighting)) resolve();
        };
        watching.listen({ look, end: resolve });
      });
      return watching.sighting.job;
    } finally {
      clearTimeout(timer);
      watching.leave();
    }
  };

  return {
    until,
    async answer(request, response, job) {
      const seconds = preferredWait(request.get('Prefer'));
      // It is stored, whatever happens now: a 503 would say that nobody knows.
      const latest = seconds === undefined ? job : ((await until(response, job.id, seconds).catch(() => undefined)) ?? job);
      const done = seconds !== undefined && isFinished(latest.status);
      const resource = await presenter.job(latest, tenantOf(response));
      if (seconds !== undefined) response.set('Preference-Applied', `wait=${String(seconds)}`);
      if (!done) response.set('Retry-After', String(nextLook));
      response
        .status(done ? 200 : 202)
        .set('Location', `/v1/jobs/${job.id}`)
        .json(resource);
    },
  };
}
