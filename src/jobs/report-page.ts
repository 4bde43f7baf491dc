import { z } from 'zod';

import { invalid } from '../errors.ts';
import type { Submission } from './definition.ts';
import type { StoredFile } from './files.ts';
import { singleLine } from './single-line.ts';
import { usableFile } from './usable-file.ts';

/** Of the file of a logo. */
const maxLogoBytes = 2 * 1024 * 1024;
const logoTypes = ['image/png', 'image/jpeg'];

const millimetres = z.number().min(5).max(60);

export const reportPage = z
  .strictObject({
    size: z.enum(['A4', 'A3', 'Letter', 'Legal']).optional().meta({ description: 'Default: A4.' }),
    orientation: z.enum(['auto', 'portrait', 'landscape']).optional().meta({
      description: 'Default: `auto`, which is portrait unless the columns need more room.',
    }),
    margins: z
      .strictObject({ top: millimetres, right: millimetres, bottom: millimetres, left: millimetres })
      .partial()
      .optional()
      .meta({ description: 'In millimetres. Default: 15 at the sides, 12 above and below.' }),
    header: singleLine.min(1).max(300).optional().meta({ description: 'Stands at the top of each page.' }),
    footer: singleLine.min(1).max(300).optional().meta({ description: 'Stands at the bottom of each page, beside its number.' }),
    logo: z
      .strictObject({ fileId: z.string().max(100) })
      .optional()
      .meta({ description: 'A PNG or JPEG file that was uploaded, at most 2 MiB. It stands on the first page.' }),
  })
  .meta({ id: 'ReportPage', description: 'The pages of the PDF.' });
export type ReportPage = z.infer<typeof reportPage>;

/** With the file of the logo looked up. */
export interface PageLayout extends Omit<ReportPage, 'logo'> {
  logo?: StoredFile;
}

/** @throws AppError `invalid_request`, as `usableFile`: refused before a job starts. */
export async function pageLayout({ logo, ...page }: ReportPage, { tenant, files }: Submission): Promise<PageLayout> {
  if (logo === undefined) return page;
  const { id, name, contentType, size, sha256 } = await usableFile(files, tenant, logo.fileId, '/page/logo/fileId');
  if (!logoTypes.includes(contentType)) throw invalid('/page/logo/fileId', `expected PNG or JPEG, got ${contentType}`);
  if (size > maxLogoBytes) throw invalid('/page/logo/fileId', 'is larger than 2 MiB');
  return { ...page, logo: { id, name, contentType, size, sha256 } };
}
