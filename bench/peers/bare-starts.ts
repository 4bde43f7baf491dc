import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';

import { workflowArgument } from '../mail.ts';
import { inFlight, type Timed } from './in-flight.ts';
import { serve } from './serve.ts';

export interface BareStarts {
  address: string;
  count: number;
  /** Calls at once. */
  width: number;
}

let connecting: Promise<NativeConnection> | undefined;

/** Nothing but `client.workflow.start`, with all that the product's own start carries. */
serve(async ({ address, count, width }: BareStarts): Promise<Timed> => {
  connecting ??= NativeConnection.connect({ address, grpcCompression: { codec: 'none' } });
  const client = new Client({ connection: await connecting });
  const memo = {
    createdAt: '2026-11-22T12:00:00.000Z',
    fingerprint: 'x'.repeat(43),
    plan: { total: 1, unit: 'recipients', stage: 'sending', done: 0 },
  };
  return inFlight(count, width, () =>
    client.workflow.start('sendEmail', {
      workflowId: `email_${randomUUID()}`,
      taskQueue: 'handoff',
      args: [workflowArgument],
      memo,
      typedSearchAttributes: [{ key: { name: 'HandoffTenant', type: 'KEYWORD' }, value: 'default' }],
      staticSummary: 'E-mail to one recipient',
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
    }),
  );
});
