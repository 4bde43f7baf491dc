import express, { type Express, type RequestHandler, Router } from 'express';
import helmet from 'helmet';
import { randomUUID } from 'node:crypto';

import { type ApiKeys, authenticate } from './authentication.ts';
import { docs } from './docs.ts';
import { files } from './files.ts';
import { health, type ReadinessChecks } from './health.ts';
import { jobs } from './jobs.ts';
import { problemHandler, unknownPath } from './problem.ts';
import { type SubmissionDependencies, submissions } from './submissions.ts';

export interface AppDependencies extends SubmissionDependencies {
  keys: ApiKeys;
  checks: ReadinessChecks;
  /** After each answer. The path has no query: that may hold personal data. */
  onAnswer: (answer: { requestId: string; method: string; path: string; status: number; milliseconds: number }) => void;
  /** A defect of ours: the caller saw only the request id. */
  onUnexpected: (error: unknown, requestId: string) => void;
}

/** Every answer, and every problem, can be found again in the log. */
const identified: RequestHandler = (_request, response, next) => {
  const requestId = randomUUID();
  response.locals['requestId'] = requestId;
  response.set('X-Request-Id', requestId);
  next();
};

export function createApp(dependencies: AppDependencies): Express {
  const app = express();
  app.disable('etag');
  app.disable('x-powered-by');
  app.use(identified);
  app.use((request, response, next) => {
    const since = performance.now();
    const path = request.path;
    response.on('close', () => {
      const [{ method }, requestId] = [request, response.locals['requestId'] as string];
      dependencies.onAnswer({ requestId, method, path, status: response.statusCode, milliseconds: Math.round(performance.now() - since) });
    });
    next();
  });
  app.use(helmet({ contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } } }));
  app.use(health(dependencies.checks));
  app.use(docs());

  const v1 = Router();
  v1.use(authenticate(dependencies.keys));
  v1.use(submissions(dependencies));
  v1.use(jobs(dependencies));
  v1.use(files(dependencies));
  app.use('/v1', v1);

  app.use(unknownPath);
  app.use(problemHandler(dependencies.onUnexpected));
  return app;
}

/** For a process that serves no API: only whether it lives and works. */
export function createHealthApp(checks: ReadinessChecks): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(identified);
  app.use(health(checks));
  app.use(unknownPath);
  return app;
}
