import type { PayloadCodec } from '@temporalio/common';
import { SimplePlugin } from '@temporalio/plugin';
import { fileURLToPath } from 'node:url';

/** Beside this module in the sources as in a build. */
export const failureConverterPath = fileURLToPath(new URL('../../workflows/failure-converter.cjs', import.meta.url));

/** How payloads and failures are written: one object for client, worker and replay, so that they can't differ. */
export function createProtection(codec: PayloadCodec | undefined): SimplePlugin {
  return new SimplePlugin({
    name: 'handoff-protection',
    dataConverter: { failureConverterPath, payloadCodecs: codec ? [codec] : [] },
  });
}
