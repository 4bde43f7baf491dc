import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';

import { uploadPresetRequest } from '../../jobs/upload-presets.ts';
import { orNull } from './schemas.ts';
import { describeVersions } from './versions.ts';

const { accept, maxBytes, variants, camera } = uploadPresetRequest.shape;

export function describeUploadPresets(registry: OpenAPIRegistry): void {
  describeVersions(registry, {
    tag: 'Upload presets',
    path: '/upload-presets',
    noun: { one: 'an upload preset', many: 'upload presets' },
    named: { one: 'UploadPreset', many: 'UploadPresets' },
    name: 'avatar',
    hasPreview: false,
    request: uploadPresetRequest,
    content: {
      accept: orNull(accept.unwrap()),
      maxBytes: orNull(maxBytes.unwrap()),
      variants: orNull(variants.unwrap()),
      camera: orNull(camera.unwrap()),
    },
    checked: 'Uploads that name it without a version have this one from then on.',
    problems: [],
    removed: 'No new job can have it. Jobs that were taken before go on with what it said then.',
  });
}
