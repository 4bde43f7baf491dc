import { createHash, randomBytes } from 'node:crypto';

import { limitIdPrefix } from './concurrency.ts';

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/** RFC 4648 base 32, lower case, no padding, cut to `length` characters (5 bits each). */
function base32(bytes: Uint8Array, length: number): string {
  let out = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5 && out.length < length) {
      bits -= 5;
      out += alphabet.charAt((buffer >>> bits) & 31);
    }
    buffer &= (1 << bits) - 1;
  }
  return out;
}

function digest(...parts: string[]): Buffer {
  const hash = createHash('sha256');
  // Lengths in front keep ('ab','c') and ('a','bc') apart.
  for (const part of parts) hash.update(`${String(Buffer.byteLength(part))}:`).update(part);
  return hash.digest();
}

/** Six characters that tell whose a job or file is, without telling who that is. */
export function tenantTag(tenant: string): string {
  return base32(digest('tenant', tenant), 6);
}

/** Random, or the same for the same tenant, type and key: that is what makes a repeated submission one job. */
export function newJobId(type: string, tenant: string, idempotencyKey?: string): string {
  const tail = idempotencyKey === undefined ? randomBytes(13) : digest('job', tenant, type, idempotencyKey);
  return `${type}_${tenantTag(tenant)}${base32(tail, 20)}`;
}

/** Of the workflow that keeps the limit on a tenant's concurrent jobs of one type. */
export function limitIdFor(tenant: string, type: string): string {
  return `${limitIdPrefix}_${tenantTag(tenant)}${base32(digest('limit', tenant, type), 20)}`;
}

/** The same for the same job and role, so that a repeated activity writes the same file again instead of another. */
export function fileIdFor(jobId: string, role: string): string {
  return `file_${jobId.slice(jobId.indexOf('_') + 1).slice(0, 6)}${base32(digest('file', jobId, role), 20)}`;
}

/** Of the same picture in another format. @param id of the variant. */
export function alternativeIdFor(jobId: string, id: string, format: string): string {
  return fileIdFor(jobId, `${id} as ${format}`);
}

/** Random: one made of the address would tell it to whoever guesses. */
export function newSuppressionId(tenant: string): string {
  return `supp_${tenantTag(tenant)}${base32(randomBytes(13), 20)}`;
}

/** Of an upload that comes in pieces. */
export function newPartialUploadId(tenant: string): string {
  return `tus_${tenantTag(tenant)}${base32(randomBytes(13), 20)}`;
}

/** Of an upload whose bytes are still to be put into the storage. */
export function newUploadId(tenant: string): string {
  return `presigned_${tenantTag(tenant)}${base32(randomBytes(13), 20)}`;
}

const shape = /^(?<prefix>[a-z]+)_(?<tag>[a-z2-7]{6})[a-z2-7]{20}$/;

/** The prefix of a well-formed id that carries this tenant's tag; `undefined` for every other string. */
export function prefixOfOwnId(id: string, tenant: string): string | undefined {
  const groups = shape.exec(id)?.groups;
  return groups?.['tag'] === tenantTag(tenant) ? groups['prefix'] : undefined;
}

export const isOwnPartialUploadId = (id: string, tenant: string): boolean => prefixOfOwnId(id, tenant) === 'tus';

export const isOwnSuppressionId = (id: string, tenant: string): boolean => prefixOfOwnId(id, tenant) === 'supp';

/** Of the ids that are no tenant's. */
const nobodysTag = 'system';

/** The tag of the tenant that an id belongs to. */
export function tagOf(id: string): string {
  return shape.exec(id)?.groups?.['tag'] ?? nobodysTag;
}
