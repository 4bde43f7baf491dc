import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { headerBytes, parsedMessage, parsedSummary } from './parsed-mail.ts';

/** As `keepMessage` names its files; anything else is none of ours. */
const messageId = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-[0-9a-f]{12}$/;
const timeOf = (id: string): Date => new Date(id.replace(messageId, '$1-$2-$3T$4:$5:$6.$7Z'));

/** A search looks through this many of the newest messages. */
const searched = 2_000;
/** Of a file, to find sender and subject in: our own headers are far shorter. */
const headBytes = 32 * 1024;

/** A file that is gone, or a name that is none, is no message. */
async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  return reading.catch((error: unknown) => {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
}

async function headOf(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return headerBytes(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

/** What the catcher has kept in its directory, read anew each time: the files are the truth, whoever adds or removes some. */
export function createMailbox(directory: string) {
  type Summary = { id: string; at: Date } & Awaited<ReturnType<typeof parsedSummary>>;
  // Files don't change.
  const summaries = new Map<string, Summary>();
  const pathOf = (id: string): string => join(directory, `${id}.eml`);

  const ids = async (): Promise<string[]> => {
    const names = (await unlessGone(readdir(directory))) ?? [];
    return names
      .filter((name) => name.endsWith('.eml'))
      .map((name) => name.slice(0, -'.eml'.length))
      .filter((id) => messageId.test(id))
      .sort()
      .reverse();
  };

  const summary = async (id: string): Promise<Summary | undefined> => {
    const known = summaries.get(id);
    if (known) return known;
    const head = await unlessGone(headOf(pathOf(id)));
    if (head === undefined) return undefined;
    const read = { id, at: timeOf(id), ...(await parsedSummary(head)) };
    if (summaries.size >= 2 * searched) summaries.clear();
    summaries.set(id, read);
    return read;
  };

  const summariesOf = async (some: readonly string[]): Promise<Summary[]> => {
    const found: Summary[] = [];
    for (const id of some) {
      const one = await summary(id);
      if (one) found.push(one);
    }
    return found;
  };

  const source = async (id: string): Promise<Buffer | undefined> => (messageId.test(id) ? unlessGone(readFile(pathOf(id))) : undefined);

  return {
    source,
    async list({ search, offset, limit }: { search: string; offset: number; limit: number }) {
      const every = await ids();
      const words = search.toLowerCase().split(/\s+/).filter(Boolean);
      if (words.length === 0)
        return { items: await summariesOf(every.slice(offset, offset + limit)), total: every.length, found: every.length };
      const matching = (await summariesOf(every.slice(0, searched))).filter(({ from, subject, recipients }) => {
        const text = [from, subject, ...recipients].join('\n').toLowerCase();
        return words.every((word) => text.includes(word));
      });
      return { items: matching.slice(offset, offset + limit), total: every.length, found: matching.length };
    },
    async get(id: string) {
      const bytes = await source(id);
      return bytes && { id, at: timeOf(id), size: bytes.length, ...(await parsedMessage(bytes)) };
    },
    async remove(id: string): Promise<void> {
      if (messageId.test(id)) await rm(pathOf(id), { force: true });
    },
    async removeAll(): Promise<void> {
      for (const id of await ids()) await rm(pathOf(id), { force: true });
    },
  };
}
