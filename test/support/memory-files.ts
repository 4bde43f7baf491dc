import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import type { FileStore } from '../../src/jobs/files.ts';
import { provedType } from '../../src/storage/sniff.ts';

/** As much of a file store as prepares and sends messages, for thousands of them. */
export function memoryFiles(): Pick<FileStore, 'stage' | 'read' | 'find'> & FileStore {
  const blobs = new Map<string, Buffer>();
  const unused = () => Promise.reject(new Error('not here'));
  return {
    async stage(bytes) {
      const whole = await buffer(bytes);
      const facts = { size: whole.length, sha256: createHash('sha256').update(whole).digest('hex') };
      return {
        ...facts,
        sniffedType: await provedType(whole),
        truncation: undefined,
        archive: undefined,
        commit: ({ id, name, contentType }) => {
          blobs.set(facts.sha256, whole);
          return Promise.resolve({ id, name, contentType, ...facts });
        },
        discard: () => Promise.resolve(),
      };
    },
    read: ({ sha256 }) => Readable.from([blobs.get(sha256) ?? Buffer.alloc(0)]),
    find: () => Promise.resolve(undefined),
    look: unused,
    judge: unused,
    stageWritten: unused,
    stageFile: unused,
    hasExpired: unused,
    list: unused,
    setTerms: unused,
    downloads: { take: unused, done: unused, giveBack: unused },
    owner: unused,
    remove: unused,
    check: unused,
  };
}
