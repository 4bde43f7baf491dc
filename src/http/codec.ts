import { type Request, type RequestHandler, Router } from 'express';
import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

import { AppError } from '../errors.ts';
import { tenantTag } from '../jobs/ids.ts';
import type { PayloadReader } from '../jobs/payloads.ts';
import type { Caller } from '../jobs/api-keys.ts';
import type { AuditLog } from '../jobs/audit.ts';
import { type Audited, audited, auditing } from './auditing.ts';
import { tenantOf } from './authentication.ts';
import { allowOrigins } from './cors.ts';
import { declaredJson, parsedJson } from './json-body.ts';
import { route } from './routes.ts';
import { validated } from './validation.ts';

const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, 'must be base 64');

/** As https://docs.temporal.io/codec-server has it. Unknown fields pass: protobuf's JSON may grow some. */
export const payloadsRequest = z
  .object({
    payloads: z.array(z.object({ metadata: z.record(z.string(), base64).default({}), data: base64.default('') })).max(10_000),
  })
  .meta({ id: 'Payloads', examples: [{ payloads: [{ metadata: { encoding: 'anNvbi9wbGFpbg==' }, data: 'IkhlbGxvIg==' }] }] });

export interface CodecDependencies {
  /** Not there when nothing is encrypted. */
  payloads: PayloadReader | undefined;
  /** The only namespace that is served. */
  namespace: string;
}

/** A caller that names another namespace gets nothing decrypted; one that names none means ours. */
const namespaceOf = (request: Request, ours: string): string => request.get('X-Namespace') ?? ours;

function decoding({ payloads: reader, namespace }: CodecDependencies): Audited {
  return audited('payload.decode', 'operate', [declaredJson, parsedJson], (request, response) => {
    const { payloads } = validated(payloadsRequest, request.body);
    const of = { tenantTag: tenantTag(tenantOf(response)), namespace: namespaceOf(request, namespace) };
    return {
      details: { payloads: payloads.length },
      act: async () => {
        response.set('Cache-Control', 'no-store').json({ payloads: reader ? await reader.decode(payloads, of) : payloads });
      },
    };
  });
}

/**
 * Decrypts what Temporal's Web UI and CLI show: payloads of the caller's own tenant. There is no encoding, so that nobody can
 * have something written in the name of another workflow.
 */
export function codec(dependencies: CodecDependencies): Router {
  const router = Router();
  route(router, '/codec/decode', {
    post: decoding(dependencies),
  });
  return router;
}

/** For the Web UI of `npm start`, which has no callers to pass on: whoever knows the address may decrypt what is this tenant's. */
export interface DevCodec {
  /** Part of the address, and as good as a key. */
  secret: string;
  tenant: string;
  /** Of the Web UI. */
  origin: string;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export function devCodec({ secret, tenant, origin }: DevCodec, dependencies: CodecDependencies & { audit: AuditLog }): Router {
  const router = Router();
  const known = digest(secret);
  const caller: Caller = { keyId: 'dev:web-ui', tenant, scopes: ['operate'], localOnly: true };
  const entitled: RequestHandler = (request, response, next) => {
    if (!timingSafeEqual(digest(String(request.params['secret'])), known))
      throw new AppError('not_found', 'There is nothing at this path.');
    response.locals['caller'] = caller;
    next();
  };
  router.use('/dev/codec', allowOrigins([origin], { headers: ['X-Namespace'] }));
  router.use('/dev/codec/:secret', auditing(dependencies), entitled);
  route(router, '/dev/codec/:secret/decode', { post: decoding(dependencies) });
  return router;
}
