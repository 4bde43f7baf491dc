import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';

import { inFlight, type Timed } from './in-flight.ts';
import { serve } from './serve.ts';
import { unread } from './unread.ts';

export interface Describes {
  address: string;
  /** Workflow Ids, in turn. */
  ids: readonly string[];
  count: number;
  /** Calls at once. */
  width: number;
}

let connecting: Promise<NativeConnection> | undefined;

/** Nothing but `describe` of the SDK's client, connected as the product is; memos stay encrypted. */
serve(async ({ address, ids, count, width }: Describes): Promise<Timed> => {
  connecting ??= NativeConnection.connect({ address, grpcCompression: { codec: 'none' } });
  const { workflow } = new Client({ connection: await connecting, dataConverter: unread });
  return inFlight(count, width, (index) => workflow.getHandle(ids[index % ids.length] ?? '').describe());
});
