import { z } from 'zod';

/** Known by their first bytes. What is inside is looked into of the first three. */
export const archiveFormats = ['zip', 'gzip', 'tar', '7z', 'rar', 'bzip2', 'xz', 'zstd'] as const;
export type ArchiveFormat = (typeof archiveFormats)[number];

/** What is still to be done with a file before anybody gets it. */
export type FileCheck = { name: 'archive'; format: ArchiveFormat } | { name: 'virus' };

export const fileStates = ['ready', 'quarantined', 'rejected'] as const;
export type FileState = (typeof fileStates)[number];

export const rejectionReasons = [
  'virus',
  'archive_bomb',
  'archive_entries',
  'archive_path',
  'archive_unreadable',
  'bytes_missing',
] as const;
export type RejectionReason = (typeof rejectionReasons)[number];

export const rejection = z
  .object({
    reason: z.enum(rejectionReasons),
    detail: z
      .string()
      .meta({ description: 'Without names of what is inside.', examples: ['the virus scanner found Eicar-Test-Signature'] }),
  })
  .meta({ id: 'FileRejection', description: 'Why the bytes of a file were removed.' });
export type Rejection = z.infer<typeof rejection>;

export const checkResult = z
  .discriminatedUnion('name', [
    z.object({
      name: z.literal('archive'),
      outcome: z.enum(['passed', 'rejected', 'not_examined']).meta({
        description: 'not_examined: what is inside this format can not be told; only its bytes as they are were checked.',
      }),
      format: z.enum(archiveFormats),
      entries: z.int().optional().meta({ description: 'One level: an archive in it is one entry.' }),
      unpackedBytes: z.int().optional(),
      closedEntries: z
        .int()
        .optional()
        .meta({ description: 'Encrypted, or packed in a way that we can not read: their sizes are believed.' }),
    }),
    z.object({
      name: z.literal('virus'),
      outcome: z.enum(['passed', 'rejected']),
      engine: z.string().meta({ examples: ['ClamAV 1.4.3/27800'] }),
      databaseDate: z.string().nullable().meta({ description: 'RFC 3339: when its signatures were made; null: it does not tell.' }),
    }),
  ])
  .meta({ id: 'FileCheckResult' });
export type CheckResult = z.infer<typeof checkResult>;

/** What the checks have come to. */
export interface FileVerdict {
  /** In the order in which they were done; after a rejection there is no further one. */
  checks: CheckResult[];
  /** null: it passed. */
  rejection: Rejection | null;
}

/** @param scanning whether there is a virus scanner. */
export function openChecksOf({ archive }: { archive: ArchiveFormat | undefined }, scanning: boolean): FileCheck[] {
  return [
    ...(archive === undefined ? [] : [{ name: 'archive' as const, format: archive }]),
    ...(scanning ? [{ name: 'virus' as const }] : []),
  ];
}
