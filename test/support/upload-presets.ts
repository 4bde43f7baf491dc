import type { AuditLog } from '../../src/jobs/audit.ts';
import type { PresetVersion } from '../../src/jobs/upload-presets.ts';
import { testVersions } from './versions.ts';

export const testPresets = (audit: Pick<AuditLog, 'record'>) => testVersions<PresetVersion>(audit);
