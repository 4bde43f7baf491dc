import { setImmediate } from 'node:timers/promises';

import { AppError, type FieldError } from '../errors.ts';
import { mailboxKey } from './email-address.ts';
import type { StagedFile } from './files.ts';

/** Recipients that are read, claimed and sent to in one go. */
export const chunkSize = 100;
export const maxRecipients = 100_000;

/** One line of the list that a batch works through. */
export interface ListedRecipient {
  address: string;
  name?: string;
  variables?: Record<string, unknown>;
}

/** As it came, with its place in the request. */
export interface GivenRecipient {
  /** Finds its faults. @throws AppError with `errors`. */
  read: () => ListedRecipient;
}

/** All recipients of a batch, each once, as NDJSON that is not yet committed. Whoever asked for it discards it in the end. */
export interface RecipientList {
  staged: StagedFile;
  count: number;
  /** Left out, since the same address had come before. */
  duplicates: number;
  /** Bytes: where each chunk begins, and the end of the last. */
  offsets: number[];
  /** Of the template, with which the variables of all were checked. */
  templateVersion?: number;
}

const maxFaults = 20;
/** In characters; bounds memory, and how long the event loop is kept. */
const blockSize = 65_536;

function refused(errors: readonly FieldError[]): AppError {
  const [first] = errors;
  const where = first === undefined ? '' : `${first.pointer}: ${first.detail}`;
  return new AppError('invalid_request', where, { errors: errors.slice(0, maxFaults) });
}

/**
 * Reads all recipients in one pass, each address once: the first one wins.
 * @param pointer to where they come from. @throws AppError `invalid_request` with the first twenty faults; what `given` and `stage` throw.
 */
export async function listRecipients(
  given: AsyncIterable<GivenRecipient> | Iterable<GivenRecipient>,
  stage: (bytes: AsyncIterable<Uint8Array>) => Promise<StagedFile>,
  pointer: string,
): Promise<RecipientList> {
  const seen = new Set<string>();
  const offsets = [0];
  let [total, size] = [0, 0];

  async function* bytes(): AsyncGenerator<Uint8Array> {
    const faults: FieldError[] = [];
    let block = '';
    for await (const one of given) {
      if (++total > maxRecipients) throw refused([{ pointer, detail: `has more than ${String(maxRecipients)} recipients` }]);
      const listed = faultless(one, faults);
      if (faults.length >= maxFaults) break;
      if (listed === undefined || faults.length > 0) continue;
      const before = seen.size;
      if (seen.add(mailboxKey(listed.address)).size === before) continue;
      const line = `${JSON.stringify(listed)}\n`;
      size += Buffer.byteLength(line);
      block += line;
      if (seen.size % chunkSize === 0) offsets.push(size);
      if (block.length < blockSize) continue;
      yield Buffer.from(block);
      block = '';
      await setImmediate();
    }
    if (faults.length > 0) throw refused(faults);
    if (total === 0) throw refused([{ pointer, detail: 'has no recipient' }]);
    if (seen.size % chunkSize !== 0) offsets.push(size);
    if (block !== '') yield Buffer.from(block);
  }

  const staged = await stage(bytes());
  return { staged, count: seen.size, duplicates: total - seen.size, offsets };
}

function faultless(one: GivenRecipient, faults: FieldError[]): ListedRecipient | undefined {
  try {
    return one.read();
  } catch (error) {
    if (!(error instanceof AppError) || error.errors === undefined) throw error;
    faults.push(...error.errors);
    return undefined;
  }
}
