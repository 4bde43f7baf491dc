import type { Request, Response } from 'express';

import { AppError } from '../errors.ts';
import type { DownloadCounts, FileFacts, FileStore } from '../jobs/files.ts';
import { alternativeIdFor } from '../jobs/ids.ts';
import { type VariantFormat, variantFormats } from '../jobs/upload-variants.ts';
import { isKnown } from './conditional.ts';
import { nothingRuns } from './content-policy.ts';
import { begun, sendChunks } from './streamed-body.ts';

/** Bytes for a client: always as a download, never sniffed, never run (ASVS 5, chapter V5). */
function describeContent(response: Response, file: FileFacts, isLimited: boolean): void {
  // Names of before, and of reports, may have what turns them round.
  response.attachment(file.name.replace(/[\p{Cf}\p{Zl}\p{Zp}]/gu, '')).set({
    'Content-Type': file.contentType,
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': `${nothingRuns}; sandbox`,
    'Cache-Control': 'private, max-age=31536000, immutable',
    'Accept-Ranges': isLimited ? 'none' : 'bytes',
    ETag: `"${file.sha256}"`,
    'Last-Modified': file.createdAt.toUTCString(),
  });
}

/** An error answer is none of these: above all, it must not be cached for a year. */
function describeNothing(response: Response): void {
  for (const name of ['Accept-Ranges', 'Content-Disposition', 'Cache-Control', 'ETag', 'Last-Modified', 'Content-Length', 'Content-Range'])
    response.removeHeader(name);
}

/** Bytes that were asked for by a link. */
interface LinkDownload {
  tenant: string;
  counts: DownloadCounts;
}

const usedUp = () => new AppError('link_used_up', 'The links to this file have been used as often as they may be.');

/**
 * Counts the download, and takes it back unless all bytes have gone out.
 * @throws AppError `link_used_up`.
 */
async function counted(response: Response, { tenant, counts }: LinkDownload, { id }: FileFacts, send: () => Promise<void>): Promise<void> {
  if (!(await counts.take(tenant, id))) throw usedUp();
  try {
    await send();
  } finally {
    // The answer is out, or broken off: that nobody can count now is no reason to break it.
    await (response.writableFinished ? counts.done(tenant, id) : counts.giveBack(tenant, id)).catch(() => undefined);
  }
}

const pictureTypes = new Map<string, VariantFormat>(variantFormats.map((format) => [`image/${format}`, format]));

/**
 * The same picture in the format that the client prefers (RFC 9110, 12.5.1), where one was made and is smaller. Only formats that it names:
 * whoever takes anything gets the file itself.
 */
async function negotiated(request: Request, files: FileStore, tenant: string, file: FileFacts): Promise<FileFacts> {
  const accept = request.get('Accept') ?? '';
  const named = [...pictureTypes].filter(([type]) => type !== file.contentType && accept.includes(type));
  const found = await Promise.all(named.map(([, format]) => files.find(tenant, alternativeIdFor(file.jobId, file.id, format))));
  const smaller = found.filter((one) => one !== undefined && one.size < file.size) as FileFacts[];
  if (smaller.length === 0) return file;
  const best = request.accepts([file, ...smaller].map(({ contentType }) => contentType));
  return smaller.find(({ contentType }) => contentType === best) ?? file;
}

/** @param asked its links count. @param download by a link: then whole downloads count; where they are limited nobody gets the file in parts. */
export async function sendContent(
  request: Request,
  response: Response,
  files: FileStore,
  { tenant, asked, download }: { tenant: string; asked: FileFacts; download?: DownloadCounts },
): Promise<void> {
  const isPicture = pictureTypes.has(asked.contentType);
  const file = isPicture ? await negotiated(request, files, tenant, asked) : asked;
  if (isPicture) response.vary('Accept');
  const isLimited = download !== undefined && asked.maxDownloads !== null;
  if (isLimited && asked.downloads >= (asked.maxDownloads ?? 0)) throw usedUp();
  describeContent(response, file, isLimited);
  if (isKnown(request, `"${file.sha256}"`) || request.fresh) {
    response.status(304).end();
    return;
  }
  const range = isLimited ? undefined : wantedRange(request, file);
  if (range === 'unsatisfiable') {
    describeNothing(response);
    response.set('Content-Range', `bytes */${String(file.size)}`);
    throw new AppError('range_not_satisfiable', `The file has ${String(file.size)} bytes.`);
  }
  const { start, end } = range ?? { start: 0, end: file.size - 1 };
  if (range !== undefined) response.status(206).set('Content-Range', `bytes ${String(start)}-${String(end)}/${String(file.size)}`);
  response.set('Content-Length', String(end - start + 1));
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const send = async () => {
    const chunks = await begun<Uint8Array>(files.read(file, range)).catch((error: unknown) => {
      throw error instanceof AppError && error.code === 'file_not_found'
        ? new AppError('not_found', 'The bytes of this file are gone.', { cause: error })
        : error;
    });
    await sendChunks(response, chunks);
  };
  const sent = download === undefined || range !== undefined ? send() : counted(response, { tenant, counts: download }, asked, send);
  await sent.catch((error: unknown) => {
    if (!response.headersSent) describeNothing(response);
    throw error;
  });
}

/**
 * One range (RFC 9110, 14.1.2); several, a malformed one, and one after a failed `If-Range`, are answered with the whole file.
 * Not `request.range`: that refuses a suffix longer than the file.
 */
function wantedRange(request: Request, { size, sha256 }: FileFacts): { start: number; end: number } | 'unsatisfiable' | undefined {
  const ifRange = request.get('If-Range');
  const [, first, last] = /^bytes=(\d*)-(\d*)$/i.exec(request.get('Range') ?? '') ?? [];
  if ((!first && !last) || (ifRange !== undefined && ifRange !== `"${sha256}"`)) return undefined;
  if (!first) return Number(last) === 0 ? 'unsatisfiable' : { start: Math.max(0, size - Number(last)), end: size - 1 };
  if (last && Number(last) < Number(first)) return undefined;
  return Number(first) >= size ? 'unsatisfiable' : { start: Number(first), end: Math.min(last ? Number(last) : Infinity, size - 1) };
}
