import type { Router } from 'express';

import type { TenantKeys } from '../jobs/tenant-keys.ts';
import { type PresetStore, uploadPresetRequest } from '../jobs/upload-presets.ts';
import type { RefuseSecrets } from './secrets-in-request.ts';
import { validated } from './validation.ts';
import { versionRoutes } from './versions.ts';

export interface PresetDependencies {
  presets: PresetStore;
  tenantKeys: TenantKeys;
  refuseSecrets: RefuseSecrets;
}

/** What is done with files that are uploaded, by name and version, of the caller's own tenant. */
export function uploadPresets({ presets, tenantKeys, refuseSecrets }: PresetDependencies): Router {
  return versionRoutes({
    path: '/upload-presets',
    noun: 'upload preset',
    hasPreview: false,
    actions: { put: 'upload_preset.put', delete: 'upload_preset.delete' },
    store: presets,
    tenantKeys,
    put({ body, ...asked }, entry) {
      const source = validated(uploadPresetRequest, body);
      refuseSecrets(body);
      return presets.put({ ...asked, source }, entry);
    },
    contentOf: ({ source: { accept = null, maxBytes = null, variants = null, camera = null } }) => ({ accept, maxBytes, variants, camera }),
  });
}
