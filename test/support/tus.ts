import { Upload, type UploadOptions } from 'tus-js-client';

import { keys } from './api.ts';

export interface Sent {
  /** Path of the upload. */
  path: string;
  /** Of the last answer. */
  job: string | null;
  upload: Upload;
}

export const endpointOf = (port: number) => `http://127.0.0.1:${String(port)}/v1/uploads/tus`;

/** The real client. Resolves when it says that all was sent, and rejects when it gives up. */
export function tusUpload(
  port: number,
  bytes: Buffer,
  options: Partial<UploadOptions> = {},
  onMade?: (upload: Upload) => void,
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const upload = new Upload(bytes, {
      endpoint: endpointOf(port),
      retryDelays: [0, 50, 100, 200, 400, 800, 1_600, 3_200],
      metadata: { filename: 'figures.bin', filetype: 'application/octet-stream' },
      ...options,
      headers: { Authorization: `Bearer ${keys.acme}`, ...options.headers },
      onError: reject,
      onSuccess: ({ lastResponse }) => {
        resolve({ path: new URL(upload.url ?? '').pathname, job: lastResponse.getHeader('Handoff-Job') ?? null, upload });
      },
    });
    onMade?.(upload);
    upload.start();
  });
}

/** `Upload-Metadata`. */
export function metadataHeader(pairs: Record<string, string>): string {
  return Object.entries(pairs)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
}
