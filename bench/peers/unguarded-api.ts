import type * as apiModule from '../../src/api.ts';
import type * as configModule from '../../src/config.ts';
import type * as lifecycleModule from '../../src/lifecycle.ts';
import type * as logModule from '../../src/log.ts';
import type { Caller } from '../../src/jobs/api-keys.ts';
import type * as storesModule from '../../src/stores.ts';
import type * as linkModule from '../../src/temporal-link.ts';
import type * as runtimeModule from '../../src/temporal/runtime.ts';

/**
 * `handoff api` without what guards it, for comparison: whatever key is sent is taken without a look at it, nothing is limited,
 * and with HANDOFF_ENCRYPTION=off and no keys there is no codec. For `bench/guard.ts` only: the product has no such switch.
 */

/** Of the build: what is measured is what is shipped. */
const built = (module: string): Promise<unknown> => import(new URL(`../../dist/src/${module}.js`, import.meta.url).href);

const { startApi } = (await built('api')) as typeof apiModule;
const { loadConfig } = (await built('config')) as typeof configModule;
const { untilStopped } = (await built('lifecycle')) as typeof lifecycleModule;
const { createLog } = (await built('log')) as typeof logModule;
const { openStores } = (await built('stores')) as typeof storesModule;
const { openLink } = (await built('temporal-link')) as typeof linkModule;
const { installRuntime } = (await built('temporal/runtime')) as typeof runtimeModule;

const anybody: Caller = { keyId: 'key_of_nobody', tenant: 'default', scopes: ['submit', 'read'], localOnly: false };
const whoever = () => Promise.resolve(anybody);

const say = (line: string) => {
  console.error(line);
};
const { limits, ...given } = loadConfig();
const config = {
  ...given,
  // Not there is not limited.
  limits: { ...limits, requestsPerMinute: undefined as unknown as number, keylessRequestsPerMinute: Infinity, maxBacklog: 0 },
};
const log = createLog(config.logLevel);
await untilStopped(
  async (scope) => {
    const stores = await openStores(scope, config, { url: config.databaseUrl ?? '' });
    installRuntime((level, facts, message) => {
      log[level](facts, message);
    });
    const options = { address: config.temporal.address ?? '', protection: stores.protection.plugin, report: say };
    const link = await openLink(scope, config, log, options);
    const none = () => Promise.resolve({ ceiling: {}, own: {} });
    const unguarded = {
      ...stores,
      keys: { ...stores.keys, callerOf: whoever, callerById: whoever, knows: () => true },
      limits: { ...stores.limits, settings: { ...stores.limits.settings, read: none } },
    };
    await startApi(scope, { config, stores: unguarded, link, temporalUiUrl: undefined, log });
  },
  { say },
);
