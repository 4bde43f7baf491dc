import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** NIST SP 800-38D: 96 random bits, so at most 2^32 messages a key; and the full tag. In bytes. */
const [ivLength, tagLength] = [12, 16];

/**
 * AES-256-GCM: IV, cipher text, tag. `context` is not stored, and needed again to open.
 * @param seed only for what must always become the same: a keyed hash of the plain text, whose beginning is the IV then.
 */
export function seal(key: Uint8Array, plain: Uint8Array, context: string, seed: Uint8Array = randomBytes(ivLength)): Buffer {
  const iv = seed.subarray(0, ivLength);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: tagLength });
  cipher.setAAD(Buffer.from(context));
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** @throws when the key or the context is another one, or a bit was changed. */
export function open(key: Uint8Array, sealed: Uint8Array, context: string): Buffer {
  if (sealed.length < ivLength + tagLength) throw new Error('Too short to have been sealed');
  const end = sealed.length - tagLength;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, ivLength), { authTagLength: tagLength });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(sealed.subarray(end));
  return Buffer.concat([decipher.update(sealed.subarray(ivLength, end)), decipher.final()]);
}
