import { Router } from 'express';

import { AppError } from '../errors.ts';
import { sendProblem } from './problem.ts';
import { openRoute } from './routes.ts';

/** Resolves when the named thing works; the reason it rejects with is not shown. */
export type ReadinessChecks = Record<string, () => Promise<void>>;

/** What is told beside the checks, and makes nothing unready. Never rejects. */
export type ReadinessFacts = Record<string, () => Promise<object>>;

/** For one check, in milliseconds. */
const patienceMs = 4_000;

async function passes(check: () => Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => {
      resolve(false);
    }, patienceMs);
  });
  const done = check().then(
    () => true,
    () => false,
  );
  return Promise.race([done, late]).finally(() => {
    clearTimeout(timer);
  });
}

/** `/livez`: the process answers. `/readyz`: it can really do work. Neither needs a key. */
export function health(checks: ReadinessChecks, facts: ReadinessFacts = {}): Router {
  const router = Router();
  openRoute(router, '/livez', { get: [(_request, response) => void response.json({ status: 'alive' })] });
  openRoute(router, '/readyz', {
    get: [
      async (request, response) => {
        const names = Object.keys(checks);
        const [passed, told] = await Promise.all([
          Promise.all(Object.values(checks).map(passes)),
          Promise.all(Object.entries(facts).map(async ([name, tell]) => [name, await tell()] as const)),
        ]);
        const more: Record<string, unknown> = Object.fromEntries(told);
        const results = Object.fromEntries(names.map((name, index) => [name, passed[index] === true ? 'ok' : 'failed']));
        response.set('Cache-Control', 'no-store');
        const failed = names.filter((_name, index) => passed[index] !== true);
        if (failed.length === 0) {
          response.json({ status: 'ready', checks: results, ...more });
          return;
        }
        const error = new AppError('not_ready', `Not working: ${failed.join(', ')}.`, { retryable: true, retryAfterSeconds: 2 });
        sendProblem(request, response, error, { checks: results, ...more });
      },
    ],
  });
  return router;
}
