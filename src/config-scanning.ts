import { z } from 'zod';

const megabyte = 1024 * 1024;

/** What is checked of uploads once they are received, before anybody gets them. */
export interface ScanSettings {
  /** undefined: there is no virus scanner. */
  readonly clamd: { readonly address: ClamdAddress; readonly silenceSeconds: number } | undefined;
  /** From this age on it is told that the signatures are old. */
  readonly maxDatabaseDays: number;
  readonly archives: { readonly maxEntries: number; readonly maxBytes: number; readonly maxRatio: number };
}

type ClamdAddress = { readonly host: string; readonly port: number } | { readonly path: string };

const usualPort = 3310;

function addressOf(text: string): ClamdAddress | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, port, pathname, username, password, search, hash } = new URL(text);
  if (username !== '' || password !== '' || search !== '' || hash !== '') return undefined;
  if (protocol === 'unix:') return hostname === '' && pathname.length > 1 ? { path: decodeURIComponent(pathname) } : undefined;
  if (protocol !== 'tcp:' || hostname === '' || !['', '/'].includes(pathname)) return undefined;
  return { host: hostname.replaceAll(/^\[|\]$/g, ''), port: port === '' ? usualPort : Number(port) };
}

const clamdUrl = z.string().transform((text, context) => {
  const address = addressOf(text);
  if (address === undefined) context.addIssue({ code: 'custom', message: 'must be tcp://host:port or unix:///path' });
  return address ?? z.NEVER;
});

const natural = (fallback: number) => z.coerce.number().int().min(1).default(fallback);

export const scanVariables = {
  HANDOFF_CLAMD_URL: clamdUrl.optional(),
  HANDOFF_CLAMD_SECONDS: natural(300),
  HANDOFF_CLAMD_MAX_DATABASE_DAYS: natural(7),
  HANDOFF_ARCHIVE_MAX_ENTRIES: z.coerce.number().int().min(1).max(1_000_000).default(10_000),
  HANDOFF_ARCHIVE_MAX_MB: natural(2_048),
  HANDOFF_ARCHIVE_MAX_RATIO: natural(200),
};

export function scanningOf(values: z.infer<z.ZodObject<typeof scanVariables>>): ScanSettings {
  return {
    clamd: values.HANDOFF_CLAMD_URL && { address: values.HANDOFF_CLAMD_URL, silenceSeconds: values.HANDOFF_CLAMD_SECONDS },
    maxDatabaseDays: values.HANDOFF_CLAMD_MAX_DATABASE_DAYS,
    archives: {
      maxEntries: values.HANDOFF_ARCHIVE_MAX_ENTRIES,
      maxBytes: values.HANDOFF_ARCHIVE_MAX_MB * megabyte,
      maxRatio: values.HANDOFF_ARCHIVE_MAX_RATIO,
    },
  };
}
