import type { Request, RequestHandler, Response } from 'express';

import { AppError } from '../errors.ts';
import type { ApiKeys } from '../jobs/api-keys.ts';
import type { Limits, RequestVerdict, Standing } from '../jobs/limits.ts';
import { bearerOf, callerOf, knownCaller } from './authentication.ts';

/** draft-ietf-httpapi-ratelimit-headers-10: Lists of Structured Fields (RFC 9651), an item for each limit. */
function tell(response: Response, standings: readonly Standing[]): void {
  if (standings.length === 0) return;
  const list = (item: (standing: Standing) => string) => standings.map((each) => `"${each.policy}";${item(each)}`).join(', ');
  response.set({
    'RateLimit-Policy': list(({ limit, windowSeconds }) => `q=${String(limit)};w=${String(windowSeconds)}`),
    RateLimit: list(({ remaining, resetSeconds }) => `r=${String(remaining)};t=${String(resetSeconds)}`),
  });
}

/** @throws AppError `rate_limited`. */
function assertAllowed(response: Response, { allowed, standings }: RequestVerdict): void {
  tell(response, standings);
  if (allowed) return;
  const retryAfterSeconds = Math.max(1, ...standings.map(({ resetSeconds }) => resetSeconds));
  throw new AppError('rate_limited', 'Too many requests in this minute. Go on in the next one.', { retryable: true, retryAfterSeconds });
}

interface Taken {
  giveBack: () => void;
}

/**
 * Holds up whoever tries keys or links: before the database is asked anything, by the address that the connection comes from
 * (`request.ip`: what `trust proxy` makes of it). Keys in use are in memory, and pass. Mount it first.
 */
export function limitKeyless({ limits, keys }: { limits: Limits; keys: Pick<ApiKeys, 'knows'> }): RequestHandler {
  const isKnown = (request: Request) => {
    const sent = bearerOf(request);
    return sent !== undefined && keys.knows(sent);
  };
  return (request, response, next) => {
    if (!isKnown(request)) {
      const { giveBack, ...verdict } = limits.keyless(request.ip);
      assertAllowed(response, verdict);
      response.locals['keyless'] = { giveBack } satisfies Taken;
      // What was allowed without a key, by a signed link.
      response.once('close', () => {
        if (knownCaller(response) === undefined && response.statusCode < 400) giveBack();
      });
    }
    next();
  };
}

/** Counts what comes with a key, whatever the path. Mount it behind `authenticate`. */
export function limitRequests({ limits }: { limits: Limits }): RequestHandler {
  return async (_request, response, next) => {
    (response.locals['keyless'] as Taken | undefined)?.giveBack();
    assertAllowed(response, await limits.request(callerOf(response)));
    next();
  };
}
