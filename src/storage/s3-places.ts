/** Keys of a bucket, or of a part of it. */
export interface S3Places {
  /** Before the key of each blob, by SHA-256: `blobs/ab/cdef…`. */
  readonly blobs: string;
  /** @throws when it is no SHA-256 in lower-case hex. */
  blob(sha256: string): string;
  /** Before what was swept away and is kept for a while, in case that somebody had just committed it again. */
  readonly swept: string;
  sweptBlob(sha256: string): string;
  /** The SHA-256 in the key of a blob, swept or not; undefined for what is none. */
  hashIn(key: string): string | undefined;
  /** Before what clients put here by themselves. */
  readonly presigned: string;
  /** @param what of the upload with this id */
  presignedPart(id: string, what: string): string;
  /** Written to see whether something can be. */
  readonly probe: string;
  /** Before all of it. */
  readonly root: string;
}

/** @param prefix without slashes at its ends */
export function s3Places(prefix: string): S3Places {
  const root = prefix === '' ? '' : `${prefix}/`;
  const [blobs, swept, presigned] = [`${root}blobs/`, `${root}swept/`, `${root}presigned/`];
  const tail = (sha256: string) => {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new TypeError('Not a SHA-256 in lower-case hex');
    return `${sha256.slice(0, 2)}/${sha256.slice(2)}`;
  };
  return {
    ...{ root, blobs, swept, presigned, probe: `${root}probe` },
    blob: (sha256) => blobs + tail(sha256),
    sweptBlob: (sha256) => swept + tail(sha256),
    hashIn(key) {
      const [, start = '', rest = ''] = /\/([0-9a-f]{2})\/([0-9a-f]{62})$/.exec(`/${key}`) ?? [];
      return start === '' ? undefined : start + rest;
    },
    presignedPart: (id, what) => `${presigned}${id}/${what}`,
  };
}
