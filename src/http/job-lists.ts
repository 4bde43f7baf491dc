import { Router } from 'express';

import type { JobClient } from '../jobs/client.ts';
import { tenantOf } from './authentication.ts';
import { countQuery, filterOf, linkToNext, listQuery, queryOf } from './job-filters.ts';
import type { Presenter } from './presentation.ts';
import { route } from './routes.ts';

/** Mount it before `/jobs/:id`, which would take `counts` for an id. */
export function jobLists({ jobs, presenter }: { jobs: JobClient; presenter: Presenter }): Router {
  const router = Router();
  route(router, '/jobs', {
    get: [
      'read',
      async (request, response) => {
        const { limit, cursor, ...query } = queryOf(listQuery, request);
        const page = { limit, ...(cursor !== undefined && { cursor }) };
        const { items, nextCursor } = await jobs.list(tenantOf(response), filterOf(query), page);
        if (nextCursor !== null) response.set('Link', linkToNext(request, nextCursor));
        response.set('Cache-Control', 'no-store').json({ items: items.map((job) => presenter.summary(job)), nextCursor });
      },
    ],
  });
  route(router, '/jobs/counts', {
    get: [
      'read',
      async (request, response) => {
        const counts = await jobs.count(tenantOf(response), filterOf(queryOf(countQuery, request)));
        response.set('Cache-Control', 'no-store').json({ counts });
      },
    ],
  });
  return router;
}
