import { createHash } from 'node:crypto';

import type { KeyWrapper } from '../jobs/data-keys.ts';
import { open, seal } from './aes-gcm.ts';

/** Tells keys apart without telling them. */
const idOf = (key: Buffer): string => createHash('sha256').update('handoff master key').update(key).digest('hex').slice(0, 16);

/** @param keys each 32 bytes in base 64: the first one writes, all of them read. */
export function createMasterKeys(keys: readonly string[]): KeyWrapper {
  const known = new Map(keys.map((text) => Buffer.from(text, 'base64')).map((key) => [idOf(key), key]));
  const [newest] = known;
  if (newest === undefined) throw new Error('No master key');
  const [writesWith, writer] = newest;
  return {
    writesWith,
    knows: (id) => known.has(id),
    wrap: (key, context) => Promise.resolve({ masterKeyId: writesWith, wrapped: seal(writer, key, context).toString('base64') }),
    unwrap: ({ masterKeyId, wrapped }, context) =>
      Promise.resolve(known.get(masterKeyId)).then((key) => {
        if (key === undefined) throw new Error(`The master key ${masterKeyId} is not among the configured ones`);
        return open(key, Buffer.from(wrapped, 'base64'), context);
      }),
  };
}
