import type { Request, RequestHandler } from 'express';

import { isForThisMachine, isLocal } from './local-request.ts';
import { unknownPath } from './problem.ts';

/** A form on another page must not change anything here (Fetch Metadata, 2.1; RFC 6454, 7); a program that sends neither may. */
function isFromElsewhere(request: Request): boolean {
  const site = request.get('Sec-Fetch-Site');
  if (site !== undefined) return site !== 'same-origin';
  const origin = request.get('Origin');
  return origin !== undefined && origin !== `${request.protocol}://${request.get('Host') ?? ''}`;
}

/**
 * Pages of `npm start`, for a person on this machine. To everybody else there is nothing here: other machines, names that lead here
 * (DNS rebinding), and other pages' forms.
 */
export function ownOnly(policy: string): RequestHandler {
  return (request, response, next) => {
    const reading = request.method === 'GET' || request.method === 'HEAD';
    if (!isLocal(request) || !isForThisMachine(request) || (!reading && isFromElsewhere(request))) {
      unknownPath(request, response, next);
      return;
    }
    response.set({ 'Cache-Control': 'no-store', 'Content-Security-Policy': policy, 'Referrer-Policy': 'same-origin' });
    next();
  };
}
