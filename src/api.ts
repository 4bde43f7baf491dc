import type { Config } from './config.ts';
import { AppError } from './errors.ts';
import { createApp } from './http/app.ts';
import { createJobClient } from './jobs/client.ts';
import type { Scope } from './lifecycle.ts';
import { listen } from './listen.ts';
import { errorFacts, type Log } from './log.ts';
import type { Stores } from './stores.ts';
import type { TemporalLink } from './temporal/connection.ts';
import { activityQueues } from './worker.ts';

export interface ApiDependencies {
  config: Config;
  stores: Stores;
  link: TemporalLink;
  temporalUiUrl: string | undefined;
  log: Log;
}

const probes = new Set(['/livez', '/readyz']);

/** Serves HTTP until the scope closes: first no new connections, then the running requests end. */
export async function startApi(scope: Scope, { config, stores, link, temporalUiUrl, log }: ApiDependencies): Promise<{ url: string }> {
  const jobs = scope.closing(createJobClient({ client: link.client, activityQueues }), (client) => {
    client.close();
  });
  const app = createApp({
    jobs,
    files: stores.files,
    keys: stores.keys,
    maxUploadBytes: config.maxUploadBytes,
    workflowUrl:
      temporalUiUrl === undefined ? undefined : (id) => `${temporalUiUrl}/namespaces/${config.temporal.namespace}/workflows/${id}`,
    checks: {
      database: stores.checkDatabase,
      storage: () => stores.files.check(),
      temporal: async () => {
        await jobs.unservedQueues();
      },
      workers: async () => {
        if ((await jobs.unservedQueues()).length > 0) throw new AppError('not_ready', 'A Task Queue has no worker');
      },
    },
    onAnswer: (answer) => {
      // Probes come every few seconds.
      log[probes.has(answer.path) ? 'debug' : 'info'](answer, 'request');
    },
    onUnexpected: (error, requestId) => {
      log.error({ requestId, ...errorFacts(error) }, 'unexpected error');
    },
  });
  return listen(scope, app, config);
}
