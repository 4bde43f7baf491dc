import { DataStore, Upload } from '@tus/server';
import type { Readable } from 'node:stream';

import { isWaiting, type PartialUpload } from '../../jobs/partial-uploads.ts';
import { receive, type ReceivingDependencies } from './first-bytes.ts';
import { noSuchUpload, refusalOf } from './problems.ts';

export const extensions = ['creation', 'creation-with-upload', 'creation-defer-length', 'termination', 'expiration'];

export interface StoreOptions {
  tenant: string;
  /** The Idempotency-Key of a request that begins an upload. */
  key: string | undefined;
  expiryMs: number;
}

/** From when on the protocol's library counts. One that is complete does not expire for a client. */
const bornAt = (upload: PartialUpload) => (isWaiting(upload) ? new Date() : (upload.end?.at ?? upload.createdAt));

/** Partial uploads of one tenant, as the protocol's library wants them. */
export function tusStore(dependencies: ReceivingDependencies, { tenant, key, expiryMs }: StoreOptions): DataStore {
  const { partials } = dependencies;
  async function found(id: string): Promise<PartialUpload> {
    const upload = await partials.find(id);
    if (upload?.tenant !== tenant) throw noSuchUpload();
    return upload;
  }
  return Object.assign(new DataStore(), {
    extensions,
    getExpiration: () => expiryMs,
    async create(upload: Upload): Promise<Upload> {
      const { id, size, metadata = {} } = upload;
      await partials.create({ id, tenant, key, size, metadata });
      return upload;
    },
    async getUpload(id: string): Promise<Upload> {
      const upload = await found(id);
      const { size, offset, metadata } = upload;
      return new Upload({
        id,
        offset,
        metadata: { ...metadata },
        creation_date: bornAt(upload).toISOString(),
        ...(size !== undefined && { size }),
      });
    },
    async write(stream: Readable, id: string): Promise<number> {
      // Whoever stops in the middle says why: a stream that was destroyed would say only that.
      const bytes = stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
      const upload = await found(id);
      const { end, offset } = upload;
      if (end === undefined) return receive(upload, bytes, dependencies);
      if ('refusal' in end) throw refusalOf(end);
      // The library lets no byte pass behind the length.
      // eslint-disable-next-line @typescript-eslint/no-unused-vars -- read to the end
      for await (const _chunk of bytes);
      return offset;
    },
    declareUploadLength: (id: string, size: number) => partials.setSize(id, size),
    remove: (id: string) => partials.remove(id),
  });
}
