import { z } from 'zod';

import type { StoredFile } from './files.ts';
import { type LinkedFile } from './definition.ts';
import { linkedFile } from './linked-file.ts';

/** Why nothing, or not all, is told of a document. The upload itself is whole. */
const problem = z.enum(['tool_missing', 'unreadable', 'too_much']).optional().meta({
  description:
    'tool_missing: poppler or ffmpeg is not installed; unreadable: they do not understand it; too_much: it takes too much time or memory.',
});

const pdf = z.object({ kind: z.literal('pdf'), pages: z.int().optional(), problem });
const video = z.object({
  kind: z.literal('video'),
  durationSeconds: z.number().optional(),
  width: z.int().optional(),
  height: z.int().optional(),
  videoCodec: z.string().optional(),
  audioCodec: z.string().optional(),
  problem,
});
const cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const table = z.object({
  kind: z.literal('table'),
  rows: z.int().optional(),
  columns: z.array(z.object({ name: z.string(), kind: z.string() })).optional(),
  preview: z.array(z.array(cell)).optional().meta({ description: 'The first rows. Long texts are cut off.' }),
  problem,
});

export const documentFacts = z.discriminatedUnion('kind', [pdf, video, table]);
export type DocumentFacts = z.infer<typeof documentFacts>;
export type TableFacts = z.infer<typeof table>;

/** What an upload that is no picture holds. */
export type UploadDocument = DocumentFacts & {
  /** The first page, or an early moment. Its variants are the upload's. */
  poster?: StoredFile;
  /** Of a PDF. */
  text?: StoredFile;
};

const files = { poster: linkedFile.optional(), text: linkedFile.optional() };
export const uploadDocument = z.discriminatedUnion('kind', [pdf.extend(files), video.extend(files), table.extend(files)]);

export function presentDocument({ poster, text, ...facts }: UploadDocument, link: (file: StoredFile) => LinkedFile): unknown {
  return { ...facts, ...(poster && { poster: link(poster) }), ...(text && { text: link(text) }) };
}
