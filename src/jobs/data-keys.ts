/** Encrypts the payloads of one tenant. */
export interface DataKey {
  /** `dk_` and 26 hexadecimal digits. */
  id: string;
  /** 32 bytes, for AES-256-GCM. */
  key: Uint8Array;
}

/** The keys of payloads, by the tenant's tag (src/jobs/ids.ts). A change counts for every process within a minute. */
export interface DataKeys {
  /** The one to write with; made when it is first needed. @throws AppError `database_unavailable`. */
  current(tag: string): Promise<DataKey>;
  /** The one that something was written with. `undefined`: unknown or destroyed. @throws AppError `database_unavailable`. */
  find(tag: string, id: string): Promise<DataKey | undefined>;
}

/** A data key as it is stored: encrypted by a master key, which never leaves its place. */
export interface WrappedKey {
  masterKeyId: string;
  wrapped: string;
}

/**
 * Where master keys live: the configuration, or a key management service. `context` is bound to the wrapped key: unwrapping with
 * another one must fail.
 */
export interface KeyWrapper {
  /** With the newest master key. */
  wrap(key: Uint8Array, context: string): Promise<WrappedKey>;
  /** @throws for an unknown master key, and for anything that was changed. */
  unwrap(wrapped: WrappedKey, context: string): Promise<Uint8Array>;
  /** Whether `unwrap` can be asked for it. */
  knows(masterKeyId: string): boolean;
  /** Of the newest master key. */
  readonly writesWith: string;
}
