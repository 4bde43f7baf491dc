import { expect } from '@jest/globals';
import { Upload, type UploadOptions } from 'tus-js-client';

import { keys, type TestApi } from './api.ts';
import { eventually } from './eventually.ts';

export interface Sent {
  /** Path of the upload. */
  path: string;
  /** Of the last answer. */
  job: string | null;
  upload: Upload;
}

const endpointOf = (port: number) => `http://127.0.0.1:${String(port)}/v1/uploads/tus`;

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

export const tusPath = '/v1/uploads/tus';
export const spoken = { 'Tus-Resumable': '1.0.0' };

/** The requests of the protocol, one by one. */
export function tusRequests(api: TestApi) {
  const begin = (headers: Record<string, string>, key = keys.acme) =>
    api
      .agent(key)
      .post(tusPath)
      .set({ ...spoken, ...headers });
  return {
    begin,
    /** @returns its path. */
    begun: async (length: number, metadata: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<string> => {
      const described = Object.keys(metadata).length > 0 ? { 'Upload-Metadata': metadataHeader(metadata) } : {};
      const { status, text, headers: answered } = await begin({ 'Upload-Length': String(length), ...described, ...headers });
      if (status !== 201) throw new Error(`Answered ${String(status)}: ${text}`);
      return String((answered as Record<string, string>)['location']);
    },
    send: (to: string, offset: number, bytes: Buffer | string, headers: Record<string, string> = {}, key = keys.acme) =>
      api
        .agent(key)
        .patch(to)
        .set({ ...spoken, 'Upload-Offset': String(offset), 'Content-Type': 'application/offset+octet-stream', ...headers })
        .send(Buffer.from(bytes)),
    head: (of: string, key = keys.acme) => api.agent(key).head(of).set(spoken),
    /** Of the job that was started as the first, second … */
    jobPath: (index = 0) => `/v1/jobs/${api.started[index]?.jobId ?? ''}`,
    hashOf: (index = 0) => (api.started[index]?.input as { file: { sha256: string } } | undefined)?.file.sha256,
    /** Nothing of any upload but what is remembered of it, and no temporary file. */
    expectOnlyRecords: () =>
      eventually(async () => {
        expect((await api.uploads.names()).filter((name) => !name.endsWith('.json'))).toEqual([]);
      }),
  };
}
