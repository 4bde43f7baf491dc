import { randomBytes } from 'node:crypto';

import { open, seal } from '../../src/encryption/aes-gcm.ts';
import type { DataKey, DataKeys } from '../../src/jobs/data-keys.ts';
import { tagOf } from '../../src/jobs/ids.ts';
import { isMaintenance } from '../../src/jobs/maintenance.ts';
import { createPayloadCodec } from '../../src/temporal/payload-codec.ts';

export const cipher = { open, seal };

/** Data keys in memory; the newest of a tag writes. */
export function memoryDataKeys(): DataKeys & { rotate(tag: string): void; destroy(tag: string): void } {
  const byTag = new Map<string, DataKey[]>();
  const keysOf = (tag: string): DataKey[] => {
    const found = byTag.get(tag) ?? [];
    byTag.set(tag, found);
    return found;
  };
  const make = (tag: string): DataKey => {
    const made = { id: `dk_${randomBytes(13).toString('hex')}`, key: randomBytes(32) };
    keysOf(tag).push(made);
    return made;
  };
  return {
    current: (tag) => Promise.resolve(keysOf(tag).at(-1) ?? make(tag)),
    find: (tag, id) => Promise.resolve(keysOf(tag).find((key) => key.id === id)),
    rotate: make,
    destroy: (tag) => byTag.delete(tag),
  };
}

export function codecWith(keys: DataKeys, { writes = true } = {}) {
  return createPayloadCodec({ keys, cipher, tagOf, isOpen: isMaintenance, namespace: 'default', writes });
}
