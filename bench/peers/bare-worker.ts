import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { fileURLToPath } from 'node:url';

import { createBareActivities } from '../bare/activities.ts';
import { serve } from './serve.ts';

export interface BareWorker {
  address: string;
  smtpUrl: string;
  taskQueue: string;
}

/** What the product's workers are set to, too (`src/temporal/workers.ts`). */
const pollers = { type: 'simple-maximum', maximum: 5 } as const;

/** Answers once it polls; works until this process ends. */
serve(async ({ address, smtpUrl, taskQueue }: BareWorker) => {
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  const connection = await NativeConnection.connect({ address, grpcCompression: { codec: 'none' } });
  const activities = createBareActivities(smtpUrl);
  const shared = {
    connection,
    activities,
    maxConcurrentActivityTaskExecutions: 50,
    activityTaskPollerBehavior: pollers,
  } satisfies Partial<WorkerOptions>;
  const workers = await Promise.all([
    Worker.create({
      ...shared,
      taskQueue,
      workflowsPath: fileURLToPath(new URL('../bare/workflows.ts', import.meta.url)),
      maxCachedWorkflows: 500,
      workflowTaskPollerBehavior: pollers,
    }),
    Worker.create({ ...shared, taskQueue: `${taskQueue}-activities` }),
  ]);
  for (const worker of workers)
    worker.run().catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
  return 'working';
});
