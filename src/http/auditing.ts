import type { Request, RequestHandler, Response } from 'express';
import { isIP } from 'node:net';

import { allows, type Caller, type KeyScope } from '../jobs/api-keys.ts';
import type { AuditAction, AuditDetails, AuditEntry, AuditLog } from '../jobs/audit.ts';
import { allowed, callerOf } from './authentication.ts';
import { createRefusals } from './refusals.ts';
import type { TokenCaller } from './job-token.ts';

const sealed = Symbol('audited');

/** Handlers that leave an entry in the audit log. Only `audited` and `auditedWithin` make it. */
export interface Audited {
  readonly handlers: readonly RequestHandler[];
  readonly [sealed]: AuditAction;
}

/** What was asked for, found valid, and not yet done. */
export interface Prepared {
  /** Default: the `:id` of the path. */
  target?: string;
  reason?: string | undefined;
  details?: AuditDetails;
  act: () => Promise<void>;
}

/** Mount it before all routes. */
export function auditing({ audit }: { audit: AuditLog }): RequestHandler {
  const refusals = createRefusals(audit);
  return (_request, response, next) => {
    response.locals['audit'] = { record: (entry) => audit.record(entry), refused: refusals } satisfies Recorder;
    next();
  };
}

interface Recorder {
  record(entry: AuditEntry): Promise<void>;
  refused(entry: AuditEntry): Promise<void>;
}

function recorderOf(response: Response): Recorder {
  const recorder = response.locals['audit'] as Recorder | undefined;
  // What can't be recorded must not be done.
  if (recorder === undefined) throw new Error('This route is not behind auditing');
  return recorder;
}

/** What a path holds may be anything: in an id of ours there is nothing personal. */
const idShape = /^[\w:.-]{1,128}$/;
const targetOf = (id: unknown): string | null => (typeof id === 'string' && idShape.test(id) ? id : null);

/** Never what a header says, but as far as Express was told to trust one. IPv4 within IPv6 is shown as IPv4. */
function addressOf(request: Request): string | null {
  const addresses = [request.ip, request.socket.remoteAddress].map((address) => address?.replace(/^::ffff:(?=\d+\.)/i, ''));
  return addresses.find((address) => address !== undefined && isIP(address) !== 0) ?? null;
}

function entryOf(action: AuditAction, request: Request, response: Response): AuditEntry {
  const { tenant, keyId, jobId }: Caller & Partial<TokenCaller> = callerOf(response);
  return {
    ...{
      tenant,
      actor: keyId,
      action,
      outcome: 'accepted',
      target: targetOf(request.params['id'] ?? request.params['name']),
      reason: null,
    },
    // Whoever has a token of a job is not who has the key that made it.
    details: jobId === undefined ? null : { jobToken: jobId },
    ...{ address: addressOf(request), requestId: response.locals['requestId'] as string },
  };
}

/** Callers without the scope are refused, and that is recorded, too. */
function guarded(action: AuditAction, needs: KeyScope, handlers: readonly RequestHandler[]): Audited {
  const refused: RequestHandler = async (request, response, next) => {
    if (!allows(callerOf(response).scopes, needs))
      await recorderOf(response).refused({ ...entryOf(action, request, response), outcome: 'refused' });
    next();
  };
  return { handlers: [refused, allowed(needs), ...handlers], [sealed]: action };
}

/**
 * For what is done outside the database: what `prepare` found valid is recorded first, and done only if that succeeds.
 * @param before reads the body.
 */
export function audited(
  action: AuditAction,
  needs: KeyScope,
  before: readonly RequestHandler[],
  prepare: (request: Request, response: Response) => Prepared | Promise<Prepared>,
): Audited {
  const recordAndAct: RequestHandler = async (request, response) => {
    const entry = entryOf(action, request, response);
    const { target = entry.target, reason = null, details = null, act } = await prepare(request, response);
    await recorderOf(response).record({ ...entry, target, reason, details });
    await act();
  };
  return guarded(action, needs, [...before, recordAndAct]);
}

/** For what is done in the database: `act` hands the entry to the store, which writes it in the transaction that does it. */
export function auditedWithin(
  action: AuditAction,
  needs: KeyScope,
  before: readonly RequestHandler[],
  act: (entry: AuditEntry, request: Request, response: Response) => Promise<void>,
): Audited {
  return guarded(action, needs, [...before, (request, response) => act(entryOf(action, request, response), request, response)]);
}
