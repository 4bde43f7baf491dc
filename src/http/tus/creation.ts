import { invalid } from '../../errors.ts';
import { tenantTag } from '../../jobs/ids.ts';
import type { Limits } from '../../jobs/limits.ts';
import { expiryOf, type PartialUpload, type PartialUploads } from '../../jobs/partial-uploads.ts';
import { startOptionsOf } from '../../jobs/start-options.ts';
import type { TenantKeys } from '../../jobs/tenant-keys.ts';
import { assertUploadable } from '../../jobs/upload.ts';
import type { PresetStore } from '../../jobs/upload-presets.ts';
import { uploadType } from '../upload-type.ts';
import type { RefuseSecrets } from '../secrets-in-request.ts';
import { validated } from '../validation.ts';
import { metadataOf } from './metadata.ts';

export interface CreationDependencies {
  partials: PartialUploads;
  limits: Limits;
  presets: PresetStore;
  tenantKeys: TenantKeys;
  refuseSecrets: RefuseSecrets;
  /** How long an upload may take, in milliseconds. */
  uploadExpiryMs: number;
}

type NewUpload = Pick<PartialUpload, 'tenant' | 'size' | 'metadata'>;

/** What the tenant has begun to send, in bytes: it is no file yet. */
async function pendingBytes(tenant: string, { partials, uploadExpiryMs }: CreationDependencies): Promise<number> {
  let sum = 0;
  for await (const upload of partials.all({ tenant, tag: tenantTag(tenant) }))
    if (upload.end === undefined && expiryOf(upload, uploadExpiryMs).getTime() > Date.now()) sum += upload.size ?? upload.offset;
  return sum;
}

/**
 * Refuses what would be refused once all bytes are here, as far as it can be known, so that nobody sends them for nothing.
 * @throws AppError.
 */
export async function assertWorthwhile({ tenant, size, metadata }: NewUpload, dependencies: CreationDependencies): Promise<void> {
  const { limits, presets, tenantKeys, refuseSecrets } = dependencies;
  if (size === 0) throw invalid('/file', 'is empty');
  const { request } = metadataOf(metadata);
  const { options = {}, ...asked } = validated(uploadType.submission, request, ['request']);
  refuseSecrets(request, ['request']);
  await startOptionsOf(options, { now: Date.now(), tenant, tenantKeys, place: '/request/options' });
  await assertUploadable(asked, { tenant, presets, size, at: { file: '/file', request: '/request' } });
  limits.assertAccepting();
  if ((await limits.of(tenant)).storedBytes === undefined) return;
  await limits.assertRoom(tenant, Math.max(1, size ?? 0) + (await pendingBytes(tenant, dependencies)), '/file');
}
