import type { Config } from './config.ts';
import { type ApiKeyStore, createApiKeys } from './database/api-keys.ts';
import { createAuditLog } from './database/audit-log.ts';
import { createDeliveries, type Deliveries } from './database/deliveries.ts';
import { createTemplateStore } from './database/email-templates.ts';
import { createFileRecords } from './database/file-records.ts';
import { openDataSources } from './data-sources.ts';
import { checkDatabase, type DatabaseLocation, openDatabase } from './database/open.ts';
import { createKeptExtracts } from './database/kept-extracts.ts';
import { createDatabaseLeases, createEmailCounter } from './database/limit-windows.ts';
import { createDeliveryLookup, withProviderNames } from './database/provider-messages.ts';
import { createDefinitionStore } from './database/report-definitions.ts';
import { createSuppressions } from './database/suppressions.ts';
import { createTenantLimits, storedBytesIn } from './database/tenant-limits.ts';
import { createPresetStore } from './database/upload-presets.ts';
import { createTenantSecrets } from './database/tenant-secrets.ts';
import { open, seal } from './encryption/aes-gcm.ts';
import { imageCompleteness } from './images/completeness.ts';
import type { AuditLog } from './jobs/audit.ts';
import type { DataSources } from './jobs/data-sources.ts';
import type { TemplateStore } from './jobs/email-templates.ts';
import type { DeliveryLookup } from './jobs/mail-events.ts';
import type { PartialUploads } from './jobs/partial-uploads.ts';
import { extractionKey, longestCacheSeconds } from './jobs/report-cache.ts';
import type { DefinitionStore } from './jobs/report-definitions.ts';
import { suppressionNames } from './jobs/suppression-names.ts';
import type { TenantKeys } from './jobs/tenant-keys.ts';
import { createUnsubscribeTokens, type UnsubscribeTokens } from './jobs/unsubscribe-token.ts';
import type { PresetStore } from './jobs/upload-presets.ts';
import type { Scope } from './lifecycle.ts';
import type { LimitDependencies } from './limits/limits.ts';
import { createMemoryLeases } from './limits/memory-leases.ts';
import type { BlobStore } from './storage/blobs.ts';
import { createDiskBlobStore } from './storage/disk.ts';
import { createS3BlobStore } from './storage/s3.ts';
import { openProtection, type Protection } from './protection.ts';
import { createFileStore, type KeptFileStore } from './storage/files.ts';
import { createPartialUploads } from './storage/partial-uploads.ts';

/** What is not a workflow: database and bytes. */
export interface Stores {
  files: KeptFileStore;
  partials: PartialUploads;
  keys: ApiKeyStore;
  audit: AuditLog;
  deliveries: Deliveries;
  templates: TemplateStore;
  dataSources: DataSources;
  definitions: DefinitionStore;
  keptExtracts: ReturnType<typeof createKeptExtracts>;
  presets: PresetStore;
  tenantKeys: TenantKeys;
  /** Of what Temporal stores. */
  protection: Protection;
  limits: Pick<LimitDependencies, 'settings' | 'leases' | 'emails' | 'storedBytes'>;
  suppressions: ReturnType<typeof createSuppressions>;
  unsubscribeTokens: UnsubscribeTokens;
  deliveryLookup: DeliveryLookup;
  checkDatabase: () => Promise<void>;
}

function openBlobs(scope: Scope, { storage }: Config): BlobStore {
  if (storage.kind === 'disk') return createDiskBlobStore(storage.directory);
  return scope.closing(createS3BlobStore(storage), (blobs) => blobs.close());
}

export async function openStores(scope: Scope, config: Config, location: DatabaseLocation): Promise<Stores> {
  const db = scope.closing(await openDatabase(location), (open) => open.destroy());
  const protection = await openProtection(db, config);
  const tenantKeys = createTenantSecrets(db);
  const files = createFileStore({
    blobs: openBlobs(scope, config),
    records: createFileRecords(db),
    completeness: imageCompleteness,
    retentionDays: config.fileRetentionDays,
  });
  const deliveries = withProviderNames(createDeliveries(db), db);
  return {
    files,
    partials: createPartialUploads(config.uploads.tusDir),
    keys: createApiKeys(db),
    audit: createAuditLog(db),
    deliveries,
    templates: createTemplateStore(db),
    dataSources: openDataSources(db, config, protection.dataKeys),
    definitions: createDefinitionStore(db),
    keptExtracts: createKeptExtracts(db, { keyOf: extractionKey, longestCacheSeconds }),
    presets: createPresetStore(db),
    tenantKeys,
    protection,
    limits: {
      settings: createTenantLimits(db),
      // The embedded database serves one process only, which needs to share with nobody.
      leases: 'url' in location ? createDatabaseLeases(db) : createMemoryLeases(),
      emails: createEmailCounter(db),
      storedBytes: storedBytesIn(db),
    },
    suppressions: createSuppressions(db, suppressionNames),
    deliveryLookup: createDeliveryLookup(db),
    unsubscribeTokens: createUnsubscribeTokens(tenantKeys, { open, seal }),
    checkDatabase: () => checkDatabase(db),
  };
}
