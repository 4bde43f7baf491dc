import type { Request, Response } from 'express';
import { createHash, type Hash } from 'node:crypto';
import { type BareItem, parseDictionary } from 'structured-headers';

import { AppError, invalid } from '../errors.ts';

const algorithms = new Map([
  ['sha-256', 'sha256'],
  ['sha-512', 'sha512'],
]);

/** What the body has to be. */
export interface ExpectedDigests {
  /** Each piece once and in order. */
  push: (chunk: Uint8Array) => void;
  /** @throws AppError `digest_mismatch`. */
  verify: () => void;
}

interface Expected {
  field: string;
  name: string;
  hash: Hash;
  digest: Buffer;
}

const bytesOf = (value: BareItem | unknown[]) => (value instanceof ArrayBuffer ? Buffer.from(value) : undefined);

/** @throws AppError `invalid_request`. */
function expectedIn(request: Request, field: string): Expected[] {
  const text = request.get(field);
  if (text === undefined) return [];
  const pointer = `#header:${field}`;
  let members: ReturnType<typeof parseDictionary>;
  try {
    members = parseDictionary(text);
  } catch (cause) {
    const detail = 'is not a dictionary of digests';
    throw new AppError('invalid_request', `${field} ${detail}.`, { errors: [{ pointer, detail }], cause });
  }
  return [...members].flatMap(([name, [value]]) => {
    const algorithm = algorithms.get(name);
    if (algorithm === undefined) return [];
    const [hash, digest] = [createHash(algorithm), bytesOf(value)];
    if (digest === undefined) throw invalid(pointer, `${name} is not a sequence of bytes, which stands between colons`);
    return [{ field, name, hash, digest }];
  });
}

/**
 * `Content-Digest` and `Repr-Digest` (RFC 9530) of a request without content coding, where they are the same. Other algorithms than
 * these are ignored, as they may be (2, 5); the answer then says which ones are not (4).
 * @throws AppError `invalid_request`.
 */
export function expectedDigests(request: Request, response: Response): ExpectedDigests | undefined {
  const fields = ['Content-Digest', 'Repr-Digest'];
  const expected = fields.flatMap((field) => expectedIn(request, field));
  if (expected.length === 0) {
    if (fields.some((field) => request.get(field) !== undefined)) response.set('Want-Content-Digest', 'sha-256=10, sha-512=5');
    return undefined;
  }
  return {
    push: (chunk) => {
      for (const { hash } of expected) hash.update(chunk);
    },
    verify: () => {
      const wrong = expected.filter(({ hash, digest }) => !hash.digest().equals(digest));
      if (wrong.length === 0) return;
      const errors = wrong.map(({ field, name }) => ({ pointer: `#header:${field}`, detail: `${name} is that of other bytes` }));
      throw new AppError('digest_mismatch', 'The bytes that arrived are not those of the digest. Nothing was kept.', { errors });
    },
  };
}
