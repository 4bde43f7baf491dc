import type { ErrorCode, FieldError } from '../errors.ts';

/** What became of an upload whose bytes were all there. */
export type UploadEnd = { jobId: string } | { refusal: { code: ErrorCode; message: string; errors?: FieldError[] } };

/** An upload whose bytes come in several requests. */
export interface PartialUpload {
  /** `tus_`, 6-character tenant tag, 20 more; lower-case base 32. */
  readonly id: string;
  readonly tenant: string;
  readonly createdAt: Date;
  /** In bytes; undefined: nobody knows it yet. */
  readonly size: number | undefined;
  /** Bytes that are here and survive a power cut. */
  readonly offset: number;
  /** As the client gave it. */
  readonly metadata: Readonly<Record<string, string | null>>;
  /** Of the request that began it. */
  readonly key: string | undefined;
  /** Its bytes are gone from here by then. */
  readonly end: (UploadEnd & { at: Date }) | undefined;
}

export type NewPartialUpload = Pick<PartialUpload, 'id' | 'tenant' | 'size' | 'metadata' | 'key'>;

/** The right to change an upload: nobody else has it at the same time, in no other process either. */
export interface Claim {
  /** Once nothing is written any more. */
  release(): Promise<void>;
}

/** All of these throw AppError `storage_unavailable` or `storage_full`. Only `create`, `find`, `all` and `claim` may be called without a claim. */
export interface PartialUploads {
  create(upload: NewPartialUpload): Promise<void>;
  find(id: string): Promise<PartialUpload | undefined>;
  /** All there are, of one tenant (`tag`: as its ids carry it) or of every one, in no order. */
  all(of?: { tenant: string; tag: string }): AsyncIterable<PartialUpload>;
  /**
   * Of what comes, as much as possible is kept, also when it breaks off.
   * @param onType told what type the first bytes prove, once enough of them are here; what it throws ends what comes.
   * @returns how many bytes there are then. @throws what the source or `onType` threw, when all before is kept.
   */
  append(id: string, bytes: AsyncIterable<Uint8Array>, onType?: (type: string | undefined) => Promise<void>): Promise<number>;
  setSize(id: string, size: number): Promise<void>;
  /** For one whose bytes are all there: that it is so survives a power cut from then on. @returns the path of its bytes, which never change again. */
  seal(id: string): Promise<string>;
  end(id: string, end: UploadEnd): Promise<void>;
  /** Harmless when it is not there. */
  remove(id: string): Promise<void>;
  /**
   * Takes it, if nobody has it; a process that has died has nothing.
   * @param onWanted somebody in another process waits for it.
   */
  claim(id: string, onWanted: () => void): Promise<Claim | undefined>;
  /** Removes what crashes have left behind. */
  sweep(options: { olderThanMs: number }): Promise<void>;
}

/** Complete, and its job has not been started. */
export const isWaiting = ({ size, offset, end }: PartialUpload): boolean => size === offset && end === undefined;

/** How long one is kept whose job can't be started, in milliseconds. */
const patienceMs = 7 * 86_400_000;

/** From when on it is gone; one that waits for its job stays longer. */
export function expiryOf(upload: PartialUpload, expiryMs: number): Date {
  const since = (upload.end?.at ?? upload.createdAt).getTime();
  return new Date(since + expiryMs + (isWaiting(upload) ? patienceMs : 0));
}

export const isExpired = (upload: PartialUpload, expiryMs: number): boolean => expiryOf(upload, expiryMs).getTime() <= Date.now();
