import { Readable } from 'node:stream';
import { z } from 'zod';

import { invalid } from '../errors.ts';
import { contentTypeOf } from './content-type.ts';
import type { Submission } from './definition.ts';
import type { AttachedFile } from './email-message.ts';
import type { StagedFile, StoredFile } from './files.ts';
import { fileIdFor } from './ids.ts';
import { singleLine, wellFormed } from './single-line.ts';
import { usableFile } from './usable-file.ts';

export const maxAttachments = 20;

/** No paths; nothing invisible, which can turn `gpj.exe` round (RLO) or hide an ending; nothing that looks like an encoded word. */
const fileName = wellFormed(
  singleLine
    .min(1)
    .max(255)
    .regex(/^[^/\\]*$/, 'must not have a path')
    .regex(/^[^\p{Cf}\p{Cc}\p{Zl}\p{Zp}\p{Co}]*$/u, 'must not have invisible characters')
    .regex(/^[^\s.](?:.*[^\s.])?$|^\.[^\s.](?:.*[^\s.])?$/u, 'must not begin or end with blanks, or end with a dot'),
).refine((name) => !name.includes('=?'), 'must not contain =?');

/** Base 64 (RFC 4648, 4) without line breaks, with its padding, and with no bits that mean nothing. */
function isBase64(text: string): boolean {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return false;
  const last = text.slice(-4);
  return Buffer.from(last, 'base64').toString('base64') === last;
}

const contentId = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*(?:@[A-Za-z0-9][A-Za-z0-9.-]*)?$/, 'must be letters, digits and ._-, perhaps with @ and a domain')
  .meta({ description: 'For images that `html` shows as `cid:…`.' });

const contentType = z
  .string()
  .max(200)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}(?:; ?charset=[A-Za-z0-9_-]{1,40})?$/,
    'must be a media type, perhaps with a charset',
  )
  .refine((type) => !isComposite(type), 'must not be multipart or message')
  .meta({ description: 'Default: what the bytes prove, else application/octet-stream.' });

export const attachment = z.union([
  z.strictObject({
    name: fileName,
    contentType: contentType.optional(),
    content: z.string().min(1, 'is empty').refine(isBase64, 'must be base 64').meta({ contentEncoding: 'base64' }),
    contentId: contentId.optional(),
  }),
  z.strictObject({
    fileId: z.string().max(100).meta({ description: 'Any file of the tenant: an upload, a variant, an output of a report.' }),
    name: fileName.optional().meta({ description: 'Default: the name of the file.' }),
    contentId: contentId.optional(),
  }),
]);
export type Attachment = z.infer<typeof attachment>;
type InlineAttachment = Extract<Attachment, { content: string }>;

/** Their bytes must not be encoded (RFC 2046, 5.2.1), and a reader would look for messages in them. */
function isComposite(type: string): boolean {
  return /^(?:multipart|message)\//i.test(type);
}

/** An attachment whose size is known, before anything is stored. */
export interface FoundAttachment {
  asked: Attachment;
  name: string;
  /** In bytes. */
  size: number;
  /** Of one that lies in the file store. */
  file?: StoredFile;
}

const at = (index: number, field: string) => `/attachments/${String(index)}/${field}`;

/** @throws AppError `file_not_found` for a file that is unknown or another tenant's; as `usableFile`. */
export async function findAttachments(asked: readonly Attachment[], { tenant, files }: Submission): Promise<FoundAttachment[]> {
  const found: FoundAttachment[] = [];
  for (const [index, one] of asked.entries()) {
    if ('content' in one) {
      found.push({ asked: one, name: one.name, size: Buffer.byteLength(one.content, 'base64') });
      continue;
    }
    const file = await usableFile(files, tenant, one.fileId, at(index, 'fileId'));
    const name = one.name ?? file.name;
    if (!fileName.safeParse(name).success) throw invalid(at(index, 'name'), 'is needed: the file has a name that no attachment may have');
    if (one.contentId !== undefined && !file.contentType.startsWith('image/'))
      throw invalid(at(index, 'contentId'), `is for images only, and the file is ${file.contentType}`);
    found.push({ asked: one, name, size: file.size, file });
  }
  return found;
}

/** Office documents and others are archives: the bytes prove no more than that. */
const containers = new Set(['application/zip', 'application/x-cfb', 'application/xml', 'text/xml']);

function inlineType({ contentType: declared, contentId: shown }: InlineAttachment, sniffed: string | undefined, index: number): string {
  const proved = declared !== undefined && sniffed !== undefined && containers.has(sniffed) ? undefined : sniffed;
  const type = contentTypeOf(declared, proved, at(index, 'contentType'));
  if (shown !== undefined && !type.startsWith('image/')) throw invalid(at(index, 'contentId'), `is for images only, and this is ${type}`);
  return declared?.toLowerCase().startsWith(`${type};`) === true ? declared : type;
}

/** Stores what came with the request. Nothing of it is left when one of them is refused. @throws AppError `content_type_mismatch`. */
export async function storeAttachments(found: readonly FoundAttachment[], { tenant, jobId, files }: Submission): Promise<AttachedFile[]> {
  const staged = new Map<number, StagedFile>();
  const types = new Map<number, string>();
  try {
    for (const [index, { asked }] of found.entries()) {
      if (!('content' in asked)) continue;
      const one = await files.stage(Readable.from([Buffer.from(asked.content, 'base64')]));
      staged.set(index, one);
      types.set(index, inlineType(asked, one.sniffedType, index));
    }
    const attached: AttachedFile[] = [];
    for (const [index, { asked, name, file }] of found.entries()) {
      const contentType = types.get(index) ?? file?.contentType ?? '';
      const one = staged.get(index);
      const id = fileIdFor(jobId, `attachment ${String(index)} ${one?.sha256 ?? ''}`);
      const { sha256, size } = (await one?.commit({ id, name, contentType, tenant, jobId, intermediate: true })) ??
        file ?? { sha256: '', size: 0 };
      attached.push({
        name,
        contentType: isComposite(contentType) ? 'application/octet-stream' : contentType,
        ...(asked.contentId !== undefined && { contentId: asked.contentId }),
        file: { sha256, size },
      });
    }
    return attached;
  } finally {
    for (const one of staged.values()) await one.discard();
  }
}
