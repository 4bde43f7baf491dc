import { type Response, Router } from 'express';

import { AppError } from '../errors.ts';
import { isFinished } from '../jobs/job.ts';
import type { Sighting } from '../jobs/sighting.ts';
import type { Watcher } from '../jobs/watch.ts';
import { isStillValid, streamOwnerOf, tenantOf } from './authentication.ts';
import { type EventStream, openEventStream } from './event-stream.ts';
import type { Metrics } from './metrics.ts';
import type { Presenter } from './presentation.ts';
import { createPulse } from './pulse.ts';
import { route } from './routes.ts';
import { createStreamSlots } from './stream-slots.ts';

export interface EventDependencies {
  watcher: Watcher;
  presenter: Presenter;
  metrics: Metrics;
  streams: {
    perKey: number;
    /** In milliseconds. Default 15,000. */
    heartbeatMs?: number;
    /** Between two looks whether the key is still valid, in milliseconds. Default 2,000. */
    recheckMs?: number;
  };
}

export function events({
  watcher,
  presenter,
  metrics,
  streams: { perKey, heartbeatMs = 15_000, recheckMs = 2_000 },
}: EventDependencies): Router {
  const slots = createStreamSlots(perKey);
  metrics.gauge('handoff_event_streams', 'Open event streams.', () => slots.taken());
  metrics.gauge('handoff_watched_jobs', 'Jobs that somebody waits for or follows.', () => watcher.jobs());
  metrics.counter('handoff_upstream_looks_total', 'Times that Temporal was asked about a watched job.', () => watcher.looks());

  const heart = createPulse<EventStream>(heartbeatMs, (stream) => {
    stream.beat();
  });
  // Whose key is gone is told so when it connects again.
  const guard = createPulse<() => Promise<void>>(recheckMs, (recheck) => {
    recheck().catch(() => undefined);
  });
  const rendered = new WeakMap<Sighting, Promise<string>>();
  /** Once for all who follow the job. */
  function render(sighting: Sighting, tenant: string): Promise<string> {
    const text = rendered.get(sighting) ?? presenter.job(sighting.job, tenant).then((resource) => JSON.stringify(resource));
    rendered.set(sighting, text);
    text.catch(() => rendered.delete(sighting));
    return text;
  }

  const router = Router();
  route(router, '/jobs/:id/events', {
    get: [
      'read or job token',
      async (request, response) => {
        // It would never close again, and give its slot back.
        if (response.closed) return;
        const tenant = tenantOf(response);
        if (request.method === 'GET') response.once('close', slots.take(streamOwnerOf(response)));
        const watching = await watcher.join(tenant, String(request.params['id']));
        if (watching === undefined) throw new AppError('not_found', 'There is no such job.');
        try {
          const { sighting } = watching;
          const current = request.get('Last-Event-ID') === sighting.version;
          // The client has seen the end: this is how it learns that there is nothing more to come.
          if (current && isFinished(sighting.job.status)) {
            response.status(204).set('Cache-Control', 'no-store').end();
            return;
          }
          // What can't be shown is still answered properly.
          await render(sighting, tenant);
          if (isClosed(response)) return;
          const stream = openEventStream(response, {
            render: (later) => render(later, tenant),
            seen: current ? sighting : undefined,
          });
          if (request.method === 'HEAD') {
            stream.end();
            return;
          }
          const recheck = async () => {
            if (!(await isStillValid(response))) stream.end();
          };
          heart.add(stream);
          guard.add(recheck);
          await new Promise<void>((resolve) => {
            response.once('close', resolve);
            stream.look(sighting);
            watching.listen(stream);
          });
          heart.remove(stream);
          guard.remove(recheck);
        } finally {
          watching.leave();
        }
      },
    ],
  });
  return router;
}

/** The compiler does not expect it to change meanwhile. */
const isClosed = (response: Response) => response.closed;
