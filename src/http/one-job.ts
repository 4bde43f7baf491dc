import { createHash } from 'node:crypto';
import type { RequestHandler } from 'express';

import { AppError } from '../errors.ts';
import type { JobClient } from '../jobs/client.ts';
import { isFinished, type Job } from '../jobs/job.ts';
import { sightingOf } from '../jobs/sighting.ts';
import { tenantOf } from './authentication.ts';
import { isKnown } from './conditional.ts';
import type { Presenter } from './presentation.ts';
import { preferredWait, queriedWait, type Waiting } from './waiting.ts';

export interface ReadingDependencies {
  jobs: JobClient;
  presenter: Presenter;
  waiting: Waiting;
}

const etagOf = (text: string) => `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;

/**
 * `GET` of one job, with or without waiting for its end. Whoever has the job as it is (`If-None-Match`) waits for any change,
 * and gets 304 if there is none.
 */
export function reading({ jobs, presenter, waiting }: ReadingDependencies): RequestHandler {
  return async (request, response) => {
    const [tenant, id] = [tenantOf(response), String(request.params['id'])];
    const queried = queriedWait(request);
    const seconds = queried ?? preferredWait(request.get('Prefer')) ?? 0;
    const find = async (): Promise<Job> => {
      const job = await jobs.get(tenant, id);
      if (job === undefined) throw new AppError('not_found', 'There is no such job.');
      return job;
    };
    const present = async (job: Job) => JSON.stringify(await presenter.job(job, tenant));

    let job = await find();
    let text = await present(job);
    if (seconds > 0 && !isFinished(job.status)) {
      const { version } = sightingOf(job);
      const known = isKnown(request, etagOf(text));
      const seen = await waiting.until(response, id, seconds, (sighting) => known && sighting.version !== version);
      if (response.closed) return;
      // The last look may be seconds old, and may even be from before ours: only an end is the end.
      job = seen !== undefined && isFinished(seen.status) ? seen : await find();
      text = await present(job);
    }
    if (queried === undefined && seconds > 0) response.set('Preference-Applied', `wait=${String(seconds)}`);
    const etag = etagOf(text);
    response.set({ ETag: etag, 'Cache-Control': 'private, no-cache' });
    if (isKnown(request, etag)) response.status(304).end();
    else response.type('json').send(text);
  };
}
