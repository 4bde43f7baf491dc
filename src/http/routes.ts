import type { RequestHandler, Response, Router } from 'express';

import { AppError } from '../errors.ts';
import type { Audited } from './auditing.ts';
import { allowed, type Needs } from './authentication.ts';
import { noteWords } from './logged-path.ts';
import { sendProblem } from './problem.ts';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** What a caller must be allowed to do, and then what is done. */
type Guarded<Allowed = Needs> = readonly [needs: Allowed, ...handlers: RequestHandler[]];

/** Operators and admins do nothing that leaves no entry in the audit log: see `audited` and `auditedWithin`. */
type Doing = Guarded<Exclude<Needs, 'operate' | 'admin'>> | Audited;

type Handlers = { get?: Guarded } & Partial<Record<Exclude<Method, 'get'>, Doing>>;

/** Notes the pattern of the path that a request came to. */
export function named(path: string): RequestHandler {
  return (request, response, next) => {
    response.locals['route'] = `${request.baseUrl}${path}`;
    next();
  };
}

/** The pattern of the path, like `/v1/jobs/:id`; `undefined` where none matched, or the request was refused before. */
export function routeOf(response: Response): string | undefined {
  return response.locals['route'] as string | undefined;
}

function handlersOf(guarded: Guarded | Audited): readonly RequestHandler[] {
  if ('handlers' in guarded) return guarded.handlers;
  const [needs, ...handlers] = guarded;
  return [allowed(needs), ...handlers];
}

/** Mounts one path below `/v1`: each method with what it needs a caller to be allowed to. Every other method gets 405. */
export function route(router: Router, path: string, handlers: Handlers): void {
  const guarded = Object.entries(handlers).map(([method, guard]) => [method, handlersOf(guard)]);
  openRoute(router, path, Object.fromEntries(guarded) as Partial<Record<Method, RequestHandler[]>>);
}

/** Mounts the handlers of one path, for anybody; every other method gets 405 with `Allow` (RFC 9110, 15.5.6). */
export function openRoute(router: Router, path: string, handlers: Partial<Record<Method, RequestHandler[]>>): void {
  const methods = Object.keys(handlers) as Method[];
  noteWords(path);
  const at = router.route(path);
  at.all(named(path));
  for (const method of methods) at[method](...(handlers[method] ?? []));
  const allow = methods.flatMap((method) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()])).join(', ');
  at.all((request, response) => {
    response.set('Allow', allow);
    sendProblem(request, response, new AppError('method_not_allowed', `Allowed here: ${allow}.`));
  });
}
