import type { Kysely } from 'kysely';

import { startApi } from './api.ts';
import { auditFilterOf, type AuditOptions, commandEntry, printableJson } from './audit-command.ts';
import { type Config, ConfigError } from './config.ts';
import { type ApiKeyStore, createApiKeys } from './database/api-keys.ts';
import { createAuditLog } from './database/audit-log.ts';
import { openDatabase } from './database/open.ts';
import type { Database } from './database/schema.ts';
import { transportConcern } from './database/transport.ts';
import { createTenantLimits } from './database/tenant-limits.ts';
import { createHealthApp } from './http/app.ts';
import type { ApiKey, IssuedKey, KeyOrder } from './jobs/api-keys.ts';
import { allOf, auditActions, auditResource } from './jobs/audit.ts';
import { tenantOf } from './keys-command.ts';
import { leastOf, limitNames } from './jobs/limit-names.ts';
import type { LimitName, LimitsByLevel } from './jobs/limits.ts';
import { type Scope } from './lifecycle.ts';
import { listen } from './listen.ts';
import type { Log } from './log.ts';
import { createMetrics } from './http/metrics.ts';
import { createDeliveryWatch } from './mail/delivery-watch.ts';
import { openStores, type Stores } from './stores.ts';
import { scannerOf } from './scanner-readiness.ts';
import type { TemporalLink } from './temporal/connection.ts';
import { openLink } from './temporal-link.ts';
import { scheduleMaintenance } from './maintenance.ts';
import { installRuntime } from './temporal/runtime.ts';
import { type Group, groups, startWorker } from './worker.ts';

type Say = (line: string) => void;

const why = 'The embedded database serves one process only: that is `handoff dev`.';

function needed(value: string | undefined, name: string, reason = ''): string {
  if (value === undefined) throw new ConfigError(`${name} is not set. ${reason}`.trim());
  return value;
}

async function connect(scope: Scope, config: Config, log: Log): Promise<{ stores: Stores; link: TemporalLink }> {
  const address = needed(config.temporal.address, 'TEMPORAL_ADDRESS');
  const url = needed(config.databaseUrl, 'DATABASE_URL', why);
  const stores = await openStores(scope, config, { url });
  installRuntime((level, facts, message) => {
    log[level](facts, message);
  });
  const report = (message: string) => {
    log.warn({}, message);
  };
  const concern = transportConcern(url);
  if (concern !== undefined) report(concern);
  const link = await openLink(scope, config, log, { address, protection: stores.protection.plugin, report });
  return { stores, link };
}

/** `handoff api`: one of any number of API processes. Starts, and answers 503, while Temporal is away. */
export async function serveApi(scope: Scope, config: Config, log: Log, say: Say): Promise<void> {
  const { stores, link } = await connect(scope, config, log);
  const { url } = await startApi(scope, { config, stores, link, temporalUiUrl: config.temporal.uiUrl, log });
  say(`API: ${url}/v1`);
}

function groupsOf(queues: string | undefined): Group[] {
  const asked = queues?.split(',').map((queue) => queue.trim()) ?? groups;
  const wrong = asked.filter((queue) => !(groups as string[]).includes(queue));
  if (wrong.length > 0) throw new ConfigError(`--queues: ${wrong.join(', ')} is none of ${groups.join(', ')}`);
  return asked as Group[];
}

/** `handoff worker`: one of any number of worker processes. `/livez` and `/readyz` are served for health checks. */
export async function serveWorker(scope: Scope, config: Config, log: Log, say: Say, queues: string | undefined): Promise<void> {
  const only = groupsOf(queues);
  const { providers } = config.mail;
  if (providers === undefined) throw new ConfigError('Neither HANDOFF_MAIL_PROVIDERS nor SMTP_URL is set.');
  const { stores, link } = await connect(scope, config, log);
  let working = false;
  const scanner = scannerOf(config);
  const checks = {
    database: stores.checkDatabase,
    storage: () => stores.files.check(),
    workers: () => (working ? Promise.resolve() : Promise.reject(new Error('not started'))),
    ...(scanner && only.includes('upload') && { scanner: scanner.check }),
  };
  const metrics = createMetrics();
  const watch = createDeliveryWatch(log);
  watch.showOn(metrics);
  const { url } = await listen(scope, createHealthApp(checks, metrics, scanner?.facts), config, log);
  say(`Health: ${url}/readyz`);
  scheduleMaintenance(scope, link, log);
  await startWorker(scope, { config, stores, link, providers, only, watch, log });
  working = true;
  say(`Working on: ${only.join(', ')}`);
}

async function withDatabase<T>(config: Config, use: (db: Kysely<Database>) => Promise<T>): Promise<T> {
  const db = await openDatabase({ url: needed(config.databaseUrl, 'DATABASE_URL', why) });
  try {
    return await use(db);
  } finally {
    await db.destroy();
  }
}

const withKeys = <T>(config: Config, use: (keys: ApiKeyStore) => Promise<T>) => withDatabase(config, (db) => use(createApiKeys(db)));

/** `handoff keys create`: the key is stored as a hash only. */
export function createKey(config: Config, order: KeyOrder): Promise<IssuedKey> {
  return withKeys(config, (keys) => keys.create(order, { ...commandEntry('api_key.create'), tenant: order.tenant }));
}

/** `handoff keys list`. */
export function listKeys(config: Config, tenant: string): Promise<ApiKey[]> {
  return withKeys(config, (keys) => keys.list(tenant));
}

/** `handoff keys revoke`. @throws ConfigError when there is no such key. */
export async function revokeKey(config: Config, id: string): Promise<void> {
  const entry = commandEntry('api_key.revoke');
  if (!(await withKeys(config, (keys) => keys.revokeOfAnyTenant(id, entry)))) throw new ConfigError(`There is no API key ${id}.`);
}

/** `handoff audit`: one JSON object a line, newest first. @throws ConfigError. */
export async function printAudit(config: Config, options: AuditOptions, print: (lines: string) => void): Promise<void> {
  const [tenant, filter] = [tenantOf(options.tenant), auditFilterOf(options, auditActions)];
  await withDatabase(config, async (db) => {
    for await (const page of allOf(createAuditLog(db), tenant, filter))
      if (page.length > 0) print(page.map((record) => printableJson(auditResource(record))).join('\n'));
  });
}

function limitNameOf(name: string): LimitName {
  const found = limitNames.find((each) => each === name);
  if (found === undefined) throw new ConfigError(`There is no limit "${name}", only ${limitNames.join(', ')}.`);
  return found;
}

/** `handoff limits set` and `clear`. @param value null: none. @throws ConfigError. */
export async function setCeiling(config: Config, tenant: string, name: string, value: number | null): Promise<void> {
  const known = limitNameOf(name);
  if (value !== null && value < leastOf(known)) throw new ConfigError(`${name}: must be at least ${String(leastOf(known))}`);
  await withDatabase(config, (db) => createTenantLimits(db).set(tenant, 'ceiling', { [known]: value }, commandEntry('limit.change')));
}

/** `handoff limits list`: by level, for all names there are. */
export async function listLimits(config: Config, tenant: string): Promise<LimitsByLevel & { names: readonly LimitName[] }> {
  return { names: limitNames, ...(await withDatabase(config, (db) => createTenantLimits(db).read(tenant))) };
}
