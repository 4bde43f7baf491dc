import { type Request, type RequestHandler, type Response, Router } from 'express';
import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

import { AppError } from '../errors.ts';
import { tenantTag } from '../jobs/ids.ts';
import type { PayloadReader } from '../jobs/payloads.ts';
import { tenantOf } from './authentication.ts';
import { allowOrigins } from './cors.ts';
import { declaredJson, parsedJson } from './json-body.ts';
import { openRoute, route } from './routes.ts';
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

function decoding({ payloads: reader, namespace }: CodecDependencies, tenant: (response: Response) => string): RequestHandler {
  return async (request, response) => {
    const { payloads } = validated(payloadsRequest, request.body);
    const of = { tenantTag: tenantTag(tenant(response)), namespace: namespaceOf(request, namespace) };
    response.set('Cache-Control', 'no-store').json({ payloads: reader ? await reader.decode(payloads, of) : payloads });
  };
}

/**
 * Decrypts what Temporal's Web UI and CLI show: payloads of the caller's own tenant. There is no encoding, so that nobody can
 * have something written in the name of another workflow.
 */
export function codec(dependencies: CodecDependencies): Router {
  const router = Router();
  route(router, '/codec/decode', {
    post: ['operate', declaredJson, parsedJson, decoding(dependencies, tenantOf)],
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

export function devCodec({ secret, tenant, origin }: DevCodec, dependencies: CodecDependencies): Router {
  const router = Router();
  const known = digest(secret);
  const entitled: RequestHandler = (request, _response, next) => {
    if (!timingSafeEqual(digest(String(request.params['secret'])), known))
      throw new AppError('not_found', 'There is nothing at this path.');
    next();
  };
  router.use('/dev/codec', allowOrigins([origin], { headers: ['X-Namespace'] }));
  openRoute(router, '/dev/codec/:secret/decode', { post: [entitled, declaredJson, parsedJson, decoding(dependencies, () => tenant)] });
  return router;
}
