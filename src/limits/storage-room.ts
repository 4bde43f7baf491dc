import { AppError } from '../errors.ts';
import type { FileStore, StagedFile } from '../jobs/files.ts';

export interface StorageRoom {
  /** @throws what `refuse` makes. */
  assert(tenant: string, bytes: number, pointer: string | undefined): Promise<void>;
  files(tenant: string, files: FileStore, pointer: string | undefined): FileStore;
}

export interface StorageRoomDependencies {
  /** In bytes; undefined: not limited. */
  limitOf: (tenant: string) => Promise<number | undefined>;
  /** What the tenant's files have together, in bytes. */
  stored: (tenant: string) => Promise<number>;
  refuse: (limit: number, pointer?: string) => AppError;
}

interface Held {
  /** Staged, and soon a file; in bytes. */
  bytes: number;
  /** All that was ever held. */
  ever: number;
}

/** Keeps what is received within a tenant's bytes. Two processes may each take in a file for which there was room for one. */
export function createStorageRoom({ limitOf, stored, refuse }: StorageRoomDependencies): StorageRoom {
  const tenants = new Map<string, Held>();
  const heldBy = (tenant: string): Held => {
    const held = tenants.get(tenant) ?? { bytes: 0, ever: 0 };
    tenants.set(tenant, held);
    return held;
  };

  /** Nothing may be awaited between this and holding what there is room for. */
  async function roomOf(tenant: string, limit: number): Promise<number> {
    const held = heldBy(tenant);
    const before = { ...held };
    const sum = await stored(tenant);
    // What was held and became a file meanwhile may be missing in the sum.
    return Math.max(0, limit - sum - before.bytes - (held.ever - before.ever));
  }

  function holding(tenant: string, staged: StagedFile): StagedFile {
    const held = heldBy(tenant);
    held.bytes += staged.size;
    held.ever += staged.size;
    let holds = true;
    const release = () => {
      if (holds) held.bytes -= staged.size;
      holds = false;
    };
    return {
      ...staged,
      commit: (file) => staged.commit(file).finally(release),
      discard: () => staged.discard().finally(release),
    };
  }

  return {
    async assert(tenant, bytes, pointer) {
      const limit = await limitOf(tenant);
      if (limit !== undefined && bytes > (await roomOf(tenant, limit))) throw refuse(limit, pointer);
    },

    files(tenant, files, pointer) {
      type Options = NonNullable<Parameters<FileStore['stage']>[1]>;
      async function within<Staged extends StagedFile | undefined>(
        stage: (options: Options) => Promise<Staged>,
        options: Options = {},
      ): Promise<Staged | StagedFile> {
        const limit = await limitOf(tenant);
        if (limit === undefined) return stage(options);
        const { maxBytes = Infinity } = options;
        const room = await roomOf(tenant, limit);
        const staged = await stage({ ...options, maxBytes: Math.min(maxBytes, room) }).catch((error: unknown) => {
          const ours = error instanceof AppError && error.code === 'payload_too_large' && room < maxBytes;
          throw ours ? refuse(limit, pointer) : error;
        });
        if (staged === undefined) return staged;
        try {
          // Others were staged meanwhile.
          if (staged.size > (await roomOf(tenant, limit))) throw refuse(limit, pointer);
          return holding(tenant, staged);
        } catch (error) {
          await staged.discard();
          throw error;
        }
      }
      const { presigned } = files;
      return {
        ...files,
        ...(presigned && {
          presigned: { ...presigned, stage: (id, options) => within((bounded) => presigned.stage(id, bounded), options) },
        }),
        stage: (bytes, options) => within((bounded) => files.stage(bytes, bounded), options),
        stageFile: (path, options) => within((bounded) => files.stageFile(path, bounded), options),
      };
    },
  };
}
