import type { RequestHandler, Router } from 'express';

import { AppError } from '../errors.ts';
import { sendProblem } from './problem.ts';

type Method = 'get' | 'post';

/** Mounts the handlers of one path; every other method gets 405 with `Allow` (RFC 9110, 15.5.6). */
export function route(router: Router, path: string, handlers: Partial<Record<Method, RequestHandler[]>>): void {
  const methods = Object.keys(handlers) as Method[];
  const at = router.route(path);
  for (const method of methods) at[method](...(handlers[method] ?? []));
  const allow = methods.flatMap((method) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()])).join(', ');
  at.all((request, response) => {
    response.set('Allow', allow);
    sendProblem(request, response, new AppError('method_not_allowed', `Allowed here: ${allow}.`));
  });
}
