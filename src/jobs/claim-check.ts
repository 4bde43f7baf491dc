import { Readable } from 'node:stream';

import type { FileReference, Submission } from './definition.ts';
import type { StoredFile } from './files.ts';
import { fileIdFor } from './ids.ts';

/**
 * Bytes of JSON that may lie in a workflow's input. Every payload stays under 64 KiB: the input comes back with each
 * replay, and the server warns at 512 KiB and refuses at 2 MiB.
 */
const inlineLimit = 32 * 1024;

export function fitsPayload(value: unknown): boolean {
  return Buffer.byteLength(JSON.stringify(value)) <= inlineLimit;
}

/** Stores bytes for this job, until it has ended. The same bytes for the same job are the same file. */
export async function spool(
  bytes: Iterable<Uint8Array>,
  { name, contentType }: { name: string; contentType: string },
  { files, jobId, tenant }: Submission,
): Promise<StoredFile> {
  const staged = await files.stage(Readable.from(bytes));
  return staged.commit({ id: fileIdFor(jobId, `${name} ${staged.sha256}`), name, contentType, tenant, jobId, intermediate: true });
}

/** The value itself while it is small, else a reference to a JSON file (claim check). */
export async function spoolJson<T extends object>(value: T, submission: Submission): Promise<T | FileReference> {
  if (fitsPayload(value)) return value;
  return { file: await spool([Buffer.from(JSON.stringify(value))], { name: 'content.json', contentType: 'application/json' }, submission) };
}
