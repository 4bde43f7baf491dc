import { z } from 'zod';

import type { JobType } from './definition.ts';
import { plannedUpload, upload, type UploadInput, uploadRequest, type UploadResult } from './upload.ts';
import { usableFile } from './usable-file.ts';

/** Body of `POST /v1/uploads/reprocess`. */
const reprocessRequest = uploadRequest.safeExtend({
  fileId: z
    .string()
    .max(100)
    .meta({ description: 'Any file of the tenant. It stays as it is.', examples: ['file_favhp5o4hkxjxccacfxq2eja7m'] }),
});

/** A file that is there already goes through the steps of an upload once more, with other variants. */
export const reprocess: JobType<z.infer<typeof reprocessRequest>, UploadInput, UploadResult> = {
  ...{ type: 'reprocess', path: '/uploads/reprocess', body: 'json' },
  request: reprocessRequest,
  ...(upload.result && { result: upload.result }),
  problems: ['file_not_found', 'file_quarantined', 'file_rejected', 'preset_not_found', 'file_not_accepted'],
  async prepare({ fileId, ...asked }, { tenant, files, presets }) {
    const { id, name, contentType, size, sha256 } = await usableFile(files, tenant, fileId, '/fileId');
    const file = { id, name, contentType, size, sha256 };
    return { file, ...(await plannedUpload(asked, { tenant, presets, file, at: { file: '/fileId', request: '' } })) };
  },
  summary: ({ variants }) => `Reprocess, ${String(variants.length)} variants`,
  present: upload.present.bind(upload),
};
