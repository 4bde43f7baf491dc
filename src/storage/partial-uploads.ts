import type { Dir } from 'node:fs';
import { opendir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { AppError } from '../errors.ts';
import type { Claim, PartialUpload, PartialUploads } from '../jobs/partial-uploads.ts';
import { errnoOf, onDisk } from './disk-failure.ts';
import { makeDirectory } from './disk-places.ts';
import { appendTo } from './partial-append.ts';
import { tellingType } from './partial-head.ts';
import { claimOnDisk, type ClaimTiming, type DiskClaim } from './partial-claim.ts';
import { readRecord, writeOffset, writeRecord } from './partial-record.ts';

const notClaimed = () => new Error('This partial upload is not claimed');
const idShape = /^tus_(?<tag>[a-z2-7]{6})[a-z2-7]{20}$/;
const nameShape = /^(?<id>tus_[a-z2-7]{26})\.(?<kind>.+)$/;

/**
 * Uploads that come in pieces: below `directory` a folder for each tenant's tag, in it for each upload a record, its bytes, and
 * a claim while somebody changes it. Several processes may share it.
 */
export function createPartialUploads(directory: string, timing: ClaimTiming = {}): PartialUploads {
  /** Claims of this process, and what is being written under them. */
  const claims = new Map<string, { claim: DiskClaim; writing: Promise<unknown> }>();

  function place(id: string, kind: 'json' | 'bytes' | 'claim'): string {
    const tag = idShape.exec(id)?.groups?.['tag'];
    if (tag === undefined) throw new TypeError('Not an id of a partial upload');
    return join(directory, tag, `${id}.${kind}`);
  }
  async function claimed(id: string): Promise<PartialUpload> {
    if (!claims.has(id)) throw notClaimed();
    const upload = await onDisk(readRecord(place(id, 'json')));
    if (upload === undefined) throw new AppError('not_found', 'There is no such upload.');
    return upload;
  }
  const find = async (id: string) => (idShape.test(id) ? onDisk(readRecord(place(id, 'json'))) : undefined);

  return {
    create: (upload) => onDisk(writeRecord(place(upload.id, 'json'), { ...upload, offset: 0, createdAt: new Date(), end: undefined })),
    find,
    async *all(of) {
      // Only its own folder: each that begins asks, and must not read what all the others have begun.
      for await (const { id, kind } of of === undefined ? entriesBelow(directory) : entriesIn(join(directory, of.tag))) {
        if (kind !== 'json') continue;
        const upload = await find(id);
        if (upload !== undefined && (of === undefined || upload.tenant === of.tenant)) yield upload;
      }
    },
    append(id, bytes, onType) {
      const held = claims.get(id);
      if (held === undefined) return Promise.reject(notClaimed());
      const write = async () => {
        const { offset } = await claimed(id);
        const onDurable = (durable: number) => writeOffset(place(id, 'json'), durable);
        const path = place(id, 'bytes');
        const told = onType === undefined ? bytes : tellingType(bytes, { path, offset, onType });
        return appendTo({ path, offset, onDurable, assertMine: held.claim.assertMine }, told);
      };
      const work = write();
      // At once: whoever releases the claim now waits for it.
      held.writing = work.catch(() => undefined);
      return work;
    },
    async setSize(id, size) {
      await onDisk(writeRecord(place(id, 'json'), { ...(await claimed(id)), size }));
    },
    async seal(id) {
      const upload = await claimed(id);
      if (upload.size !== upload.offset) throw new Error('This partial upload is not complete');
      await onDisk(writeRecord(place(id, 'json'), upload));
      return place(id, 'bytes');
    },
    async end(id, end) {
      await onDisk(writeRecord(place(id, 'json'), { ...(await claimed(id)), end: { ...end, at: new Date() } }));
      await onDisk(rm(place(id, 'bytes'), { force: true }));
    },
    async remove(id) {
      await onDisk(rm(place(id, 'json'), { force: true }));
      await onDisk(rm(place(id, 'bytes'), { force: true }));
    },
    async claim(id, onWanted): Promise<Claim | undefined> {
      if (claims.has(id)) return undefined;
      const path = place(id, 'claim');
      const claim = await onDisk(
        claimOnDisk(path, onWanted, timing).catch(async (error: unknown) => {
          if (errnoOf(error) !== 'ENOENT') throw error;
          await makeDirectory(join(path, '..'));
          return claimOnDisk(path, onWanted, timing);
        }),
      );
      if (claim === undefined) return undefined;
      const held = { claim, writing: Promise.resolve() as Promise<unknown> };
      claims.set(id, held);
      return {
        async release() {
          await held.writing;
          claims.delete(id);
          await onDisk(claim.release());
        },
      };
    },
    async sweep({ olderThanMs }) {
      const oldest = Date.now() - olderThanMs;
      for await (const { id, kind, path } of entriesBelow(directory)) {
        if (kind === 'json') continue;
        const upload = kind === 'bytes' ? await find(id) : undefined;
        const isOrphan = upload === undefined || upload.end !== undefined;
        const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
        if (isOrphan && mtimeMs < oldest) await rm(path, { force: true });
      }
    },
  };
}

async function openedIfThere(directory: string): Promise<Dir | undefined> {
  try {
    return await opendir(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

interface Entry {
  id: string;
  kind: string;
  path: string;
}

async function* entriesBelow(directory: string): AsyncGenerator<Entry> {
  for await (const { name: tag } of (await openedIfThere(directory)) ?? []) yield* entriesIn(join(directory, tag));
}

async function* entriesIn(folder: string): AsyncGenerator<Entry> {
  for await (const { name } of (await openedIfThere(folder)) ?? []) {
    const { id, kind } = nameShape.exec(name)?.groups ?? {};
    if (id !== undefined && kind !== undefined) yield { id, kind, path: join(folder, name) };
  }
}
