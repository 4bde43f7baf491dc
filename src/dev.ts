import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { startApi } from './api.ts';
import { banner } from './banner.ts';
import type { Config } from './config.ts';
import { smtpProvider } from './config-mail.ts';
import { newApiKey } from './database/api-keys.ts';
import { lockDataDir } from './database/data-dir-lock.ts';
import { newMasterKey } from './encryption-command.ts';
import type { Scope } from './lifecycle.ts';
import type { Log } from './log.ts';
import { createMetrics } from './http/metrics.ts';
import { startCatcher } from './mail/catcher.ts';
import { createDeliveryWatch } from './mail/delivery-watch.ts';
import { routingOf } from './mail-providers.ts';
import { scheduleMaintenance } from './maintenance.ts';
import { createMailbox } from './mail/mailbox.ts';
import { assertPortFree } from './port-check.ts';
import { keptSecret } from './secret-file.ts';
import { openStores } from './stores.ts';
import { startDevServer } from './temporal/dev-server.ts';
import { keepFinishedJobs } from './temporal/retention.ts';
import { installRuntime } from './temporal/runtime.ts';
import { openLink } from './temporal-link.ts';
import { startWorker } from './worker.ts';

/** Whose the development key is. */
const tenant = 'default';

/** Made once: without it nothing that jobs hold can be read again. */
async function generatedKeys({ encryption, dataDir }: Config): Promise<readonly string[] | undefined> {
  if (encryption.keyModule !== undefined) return undefined;
  return [await keptSecret(join(dataDir, 'encryption-key'), newMasterKey)];
}

/** Everything in one process, Temporal as its child: `npm start`. */
export async function startDev(scope: Scope, config: Config, log: Log, say: (line: string) => void): Promise<void> {
  const { dataDir, dev, temporal } = config;
  installRuntime((level, facts, message) => {
    log[level](facts, message);
  });
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  scope.closing(await lockDataDir(dataDir), (lock) => lock.release());
  await assertPortFree(config.port, 'HANDOFF_PORT', config.host);
  if (config.mail.providers === undefined) await assertPortFree(dev.smtpPort, 'HANDOFF_SMTP_PORT');

  const codecSecret = randomBytes(32).toString('base64url');
  let address = temporal.address;
  let uiUrl = temporal.uiUrl;
  if (address === undefined) {
    if (dev.temporalCli === undefined)
      throw new Error('Set HANDOFF_TEMPORAL_CLI or TEMPORAL_ADDRESS, or start with `npm start`, which finds the CLI.');
    say('Starting Temporal …');
    const codecEndpoint = `http://127.0.0.1:${String(config.port)}/dev/codec/${codecSecret}`;
    const options = { cli: dev.temporalCli, port: dev.temporalPort, uiPort: dev.temporalUiPort, dataDir, codecEndpoint, log: say };
    const server = scope.closing(await startDevServer(options), (running) => running.stop());
    ({ address, uiUrl } = { address: server.address, uiUrl: uiUrl ?? server.uiUrl });
  }
  say(config.databaseUrl === undefined ? 'Opening the embedded database (the first time takes about 20 s) …' : 'Opening the database …');
  const keys = config.encryption.keys ?? (await generatedKeys(config));
  const stores = await openStores(
    scope,
    { ...config, encryption: { ...config.encryption, keys } },
    config.databaseUrl === undefined ? { directory: join(dataDir, 'pglite') } : { url: config.databaseUrl },
  );
  const link = await openLink(scope, config, log, { address, protection: stores.protection.plugin, report: say });
  if (temporal.address === undefined) await keepFinishedJobs(await link.connected, temporal.namespace);
  const keyFile = join(dataDir, 'dev-api-key');
  const key = dev.apiKey ?? (await keptSecret(keyFile, newApiKey));
  await stores.keys.add(tenant, key, { localOnly: true });
  if ((await stores.keys.callerOf(key)) === undefined)
    say(
      `The development key is revoked or has expired. ${dev.apiKey === undefined ? `Remove ${keyFile}` : 'Change HANDOFF_DEV_API_KEY'} for a new one.`,
    );

  const mailDir = join(dataDir, 'mail');
  if (config.mail.providers === undefined)
    scope.closing(await startCatcher({ port: dev.smtpPort, directory: mailDir }), (catcher) => catcher.close());
  say('Starting workers and API …');
  const providers = config.mail.providers ?? [smtpProvider(`smtp://127.0.0.1:${String(dev.smtpPort)}`)];
  const routing = routingOf(providers);
  // The API answers (with 503) also while a Temporal of somebody else's is not there yet.
  const watch = createDeliveryWatch(log);
  const metrics = createMetrics();
  watch.showOn(metrics);
  const publicUrl = config.publicUrl ?? `http${config.tls === undefined ? '' : 's'}://127.0.0.1:${String(config.port)}`;
  const reachable = { ...config, publicUrl };
  scheduleMaintenance(scope, link, log);
  const working = startWorker(scope, { config: reachable, stores, link, providers, routing, watch, log });
  working.catch(() => undefined);
  const devCodec = temporal.address === undefined && uiUrl !== undefined ? { secret: codecSecret, tenant, origin: uiUrl } : undefined;
  const caughtMail = config.mail.providers === undefined ? createMailbox(mailDir) : undefined;
  const { url } = await startApi(scope, {
    ...{ config: reachable, stores, link, temporalUiUrl: uiUrl, routing, metrics, log },
    ...(devCodec && { devCodec }),
    ...(caughtMail && { caughtMail }),
    tryUploads: true,
  });
  await working;
  say(banner({ url, host: config.host, uiUrl, key, mailDir: config.mail.providers === undefined ? mailDir : undefined }));
}
