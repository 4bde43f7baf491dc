import { createHash } from 'node:crypto';
import stringify from 'safe-stable-stringify';

import type { ReceivedPart } from './definition.ts';

/** Of what was asked, independent of the order of fields: tells a repeated submission from another one under the same key. */
export function fingerprintOf(request: unknown, part: ReceivedPart | undefined): string {
  const file = part === undefined ? null : [part.staged.sha256, part.name];
  return createHash('sha256')
    .update(stringify([request, file]))
    .digest('base64url');
}
