import { Router } from 'express';

import { audited } from './auditing.ts';
import { type EditDependencies, editing } from './job-edit.ts';
import { declaredJson, parsedJson } from './json-body.ts';
import { reading, type ReadingDependencies } from './one-job.ts';
import { route } from './routes.ts';

export function jobs(dependencies: EditDependencies & ReadingDependencies): Router {
  const router = Router();
  route(router, '/jobs/:id', {
    get: ['read or job token', reading(dependencies)],
    patch: audited('job.edit', 'operate', [declaredJson, parsedJson], editing(dependencies)),
  });
  return router;
}
