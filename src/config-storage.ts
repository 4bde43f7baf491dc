import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

export interface DiskSettings {
  readonly kind: 'disk';
  readonly directory: string;
}

export interface S3Settings {
  readonly kind: 's3';
  readonly bucket: string;
  /** Before all keys; without slashes at its ends. Default: nothing. */
  readonly prefix: string;
  readonly region: string;
  /** undefined: that of Amazon. */
  readonly endpoint: string | undefined;
  /** As clients reach it, who are handed signed addresses. Default: the same. */
  readonly publicEndpoint: string | undefined;
  /** The bucket in the path, not in the name of the host. */
  readonly pathStyle: boolean;
  /** undefined: as the SDK finds them. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  /** Where bytes wait on this machine until they are sent. */
  readonly spool: string;
}

/** Where the bytes of files lie. */
export type StorageSettings = DiskSettings | S3Settings;

export const storageVariables = {
  HANDOFF_STORAGE_URL: z.string().optional(),
  HANDOFF_S3_ACCESS_KEY_ID: z.string().optional(),
  HANDOFF_S3_SECRET_ACCESS_KEY: z.string().optional(),
};

type Values = z.infer<z.ZodObject<typeof storageVariables>>;

const isWebAddress = (text: string) => {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return ['http:', 'https:'].includes(protocol) && [username, password, search, hash].every((part) => part === '');
};

/** What each field of the query must be. */
const fields: Readonly<Record<string, { fits: (value: string) => boolean; must: string }>> = {
  region: { fits: (value) => /^[a-z0-9][a-z0-9-]{0,62}$/i.test(value), must: 'be a name like eu-west-1' },
  endpoint: { fits: isWebAddress, must: 'be a URL with http: or https:' },
  publicEndpoint: { fits: isWebAddress, must: 'be a URL with http: or https:' },
  pathStyle: { fits: (value) => value === 'true' || value === 'false', must: 'be true or false' },
};

function credentialsOf(values: Values, problems: string[]): S3Settings['credentials'] {
  const { HANDOFF_S3_ACCESS_KEY_ID: accessKeyId, HANDOFF_S3_SECRET_ACCESS_KEY: secretAccessKey } = values;
  if (accessKeyId !== undefined && secretAccessKey !== undefined) return { accessKeyId, secretAccessKey };
  if ((accessKeyId ?? secretAccessKey) !== undefined)
    problems.push('HANDOFF_S3_…: HANDOFF_S3_ACCESS_KEY_ID and HANDOFF_S3_SECRET_ACCESS_KEY must both be set, or none of them');
  return undefined;
}

function s3Of({ hostname, pathname, username, password, port, hash, searchParams }: URL, refuse: (what: string) => void) {
  if (username !== '' || password !== '' || port !== '' || hash !== '')
    refuse('has only a bucket, a prefix and a query; keys go into HANDOFF_S3_…');
  if (!/^(?=.{3,63}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(hostname)) refuse('must name a bucket: s3://bucket/prefix?region=…');
  const prefix = pathname.replaceAll(/^\/+|\/+$/g, '');
  if (!/^([\w.-]+(\/[\w.-]+)*)?$/.test(prefix) || prefix.length > 200 || prefix.split('/').some((part) => /^\.+$/.test(part)))
    refuse('its prefix may have letters, digits, ., _ and -, between single slashes');
  for (const [name, value] of searchParams) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) refuse(`takes only ${Object.keys(fields).join(', ')} in its query`);
    else if (!field.fits(value)) refuse(`${name} must ${field.must}`);
  }
  const endpoint = searchParams.get('endpoint') ?? undefined;
  const region = searchParams.get('region') ?? (endpoint === undefined ? undefined : 'us-east-1');
  if (region === undefined) refuse('needs a region, or an endpoint');
  return {
    ...{ kind: 's3' as const, bucket: hostname, prefix, region: region ?? '', endpoint },
    publicEndpoint: searchParams.get('publicEndpoint') ?? undefined,
    pathStyle: searchParams.get('pathStyle') === 'true',
  };
}

/** @returns undefined: of another machine, or of none. */
function pathOf(url: URL): string | undefined {
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}

/** No value is quoted in a problem: it may be a secret. */
export function storageOf(values: Values, dataDir: string, problems: string[]): StorageSettings {
  const directory = join(dataDir, 'files');
  const credentials = credentialsOf(values, problems);
  const { HANDOFF_STORAGE_URL: text } = values;
  if (text === undefined) return { kind: 'disk', directory };
  const refuse = (what: string) => void problems.push(`HANDOFF_STORAGE_URL: ${what}`);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 's3:') return { ...s3Of(url, refuse), credentials, spool: join(dataDir, 'spool') };
  const path = url?.protocol === 'file:' && url.search === '' && url.hash === '' ? pathOf(url) : undefined;
  if (path !== undefined) return { kind: 'disk', directory: path };
  refuse('must be like file:///path or s3://bucket/prefix?region=…');
  return { kind: 'disk', directory };
}
