import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';

import { encryptionOf, type EncryptionSettings, encryptionVariables } from './config-encryption.ts';
import { identityOf, type IdentitySettings, identityVariables } from './config-identity.ts';
import { type MailEventSettings, mailEventsOf, mailEventVariables } from './config-events.ts';
import { imagesOf, type ImageSettings, imageVariables } from './config-images.ts';
import { type LimitSettings, limitsOf, limitVariables } from './config-limits.ts';
import { mailOf, type MailSettings, mailVariables } from './config-mail.ts';
import { type ReportSettings, reportsOf, reportVariables } from './config-reports.ts';
import { uploadsOf, type UploadSettings, uploadVariables } from './config-uploads.ts';
import { scanningOf, type ScanSettings, scanVariables } from './config-scanning.ts';
import { storageOf, type StorageSettings, storageVariables } from './config-storage.ts';

/** What the environment says, checked. Defaults and meanings: `.env.example`. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly storage: StorageSettings;
  readonly mail: MailSettings;
  readonly mailFrom: string;
  /** Where recipients of mail reach the API, without a slash at its end. */
  readonly publicUrl: string | undefined;
  readonly mailEvents: MailEventSettings;
  readonly maxUploadBytes: number;
  /** Of files that nobody said it of; undefined: they stay. */
  readonly fileRetentionDays: number | undefined;
  readonly maxMessageBytes: number;
  readonly maxStreamsPerKey: number;
  readonly limits: LimitSettings;
  readonly reports: ReportSettings;
  readonly images: ImageSettings;
  readonly uploads: UploadSettings;
  readonly scanning: ScanSettings;
  readonly shutdownGraceSeconds: number;
  readonly encryption: EncryptionSettings;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly corsOrigins: readonly string[];
  readonly codecOrigins: readonly string[];
  /** Hops, or networks in CIDR notation; undefined: no proxy is believed. */
  readonly trustProxy: number | string[] | undefined;
  readonly maxConnections: number;
  readonly refuseSecrets: 'off' | 'names' | 'on';
  /** PEM, of the API's own server; `files` are where they came from, to be read again. */
  readonly tls: (TlsTexts & { readonly files: Partial<Record<keyof TlsTexts, string>> }) | undefined;
  /** Of the identity provider whose access tokens are taken; `undefined`: none is. */
  readonly identity: IdentitySettings | undefined;
  /** Addresses, networks and names of hosts that requests of ours may reach although they are not public. */
  readonly outboundAllow: readonly string[];
  readonly temporal: {
    /** Given: use that server, start none. */
    readonly address: string | undefined;
    readonly namespace: string;
    /** TLS, API key and metadata, as `@temporalio/envconfig` reads them. */
    readonly connection: ClientConnectConfig['connectionOptions'];
    readonly uiUrl: string | undefined;
    /** Files that the connection was read from: after a change `loadTemporalConnection` gives another one. */
    readonly files: readonly string[];
  };
  /** Of `npm start`. */
  readonly dev: {
    readonly apiKey: string | undefined;
    readonly smtpPort: number;
    readonly temporalPort: number;
    readonly temporalUiPort: number;
    readonly temporalCli: string | undefined;
  };
}

export interface TlsTexts {
  readonly cert: string;
  readonly key: string;
  /** Callers must have a certificate of this authority. */
  readonly clientCa?: string;
}

const port = (fallback: number) => z.coerce.number().int().min(1).max(65_535).default(fallback);
const natural = (fallback: number) => z.coerce.number().int().min(1).default(fallback);
const url = (...protocols: string[]) =>
  z
    .string()
    .refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), `must be a URL with ${protocols.join(' or ')}`);

const list = (text: string) => text.split(',').map((part) => part.trim());
const isOrigin = (text: string) => /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text && !text.includes('*');
const isNetwork = (text: string) => {
  const [address = '', bits] = text.split('/');
  const most = isIP(address) === 6 ? 128 : 32;
  // With 0 bits everybody would be a proxy of ours.
  return isIP(address) !== 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= most));
};

const origins = z
  .string()
  .transform(list)
  .refine((all) => all.every(isOrigin), 'must be exact origins like https://app.example.com, separated by commas; no * and no path')
  .default([]);

const environment = z.object({
  HANDOFF_HOST: z.string().default('127.0.0.1'),
  HANDOFF_PORT: port(3000),
  HANDOFF_DATA_DIR: z.string().default('.handoff'),
  DATABASE_URL: url('postgres:', 'postgresql:').optional(),
  ...storageVariables,
  ...mailVariables,
  HANDOFF_MAIL_FROM: z.email().default('handoff@localhost.localdomain'),
  ...mailEventVariables,
  HANDOFF_MAX_UPLOAD_BYTES: natural(512 * 1024 * 1024),
  HANDOFF_FILE_RETENTION_DAYS: z.coerce.number().int().min(1).max(36_500).optional(),
  HANDOFF_MAX_MESSAGE_BYTES: natural(25 * 1024 * 1024),
  HANDOFF_MAX_STREAMS_PER_KEY: natural(100),
  ...limitVariables,
  ...reportVariables,
  ...imageVariables,
  ...uploadVariables,
  ...scanVariables,
  HANDOFF_SHUTDOWN_GRACE_SECONDS: natural(20),
  ...encryptionVariables,
  HANDOFF_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('warn'),
  HANDOFF_CORS_ORIGINS: origins,
  HANDOFF_CODEC_ORIGINS: origins,
  HANDOFF_TRUST_PROXY: z
    .string()
    .refine(
      (text) => /^[1-9]\d?$/.test(text) || list(text).every(isNetwork),
      'must be a number of proxies, or their networks in CIDR notation',
    )
    .transform((text) => (/^\d+$/.test(text) ? Number(text) : list(text)))
    .optional(),
  HANDOFF_MAX_CONNECTIONS: natural(10_000),
  HANDOFF_REFUSE_SECRETS: z.enum(['off', 'names', 'on']).default('off'),
  HANDOFF_TLS_CERT: z.string().optional(),
  HANDOFF_TLS_KEY: z.string().optional(),
  HANDOFF_TLS_CLIENT_CA: z.string().optional(),
  ...identityVariables,
  TEMPORAL_ADDRESS: z.string().optional(),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  HANDOFF_TEMPORAL_UI_URL: url('http:', 'https:').optional(),
  HANDOFF_DEV_API_KEY: z
    .string()
    .regex(/^[A-Za-z0-9._~+/=-]{16,512}$/, 'must be 16 to 512 letters, digits and ._~+/=-')
    .optional(),
  HANDOFF_SMTP_PORT: port(1025),
  HANDOFF_TEMPORAL_PORT: port(7233),
  HANDOFF_TEMPORAL_UI_PORT: port(8233),
  HANDOFF_TEMPORAL_CLI: z.string().optional(),
});

/** Every name that is read, for `.env.example` and its test. */
export const variables: readonly string[] = Object.keys(environment.shape);

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `NAME_FILE` names a file that holds the value of `NAME`: for secrets mounted by an orchestrator. */
function withFiles(env: Environment, problems: string[]): Environment {
  const values: Record<string, string | undefined> = {};
  for (const name of [...variables, 'TEMPORAL_API_KEY']) {
    const [value, file] = [env[name], env[`${name}_FILE`]];
    if (value) values[name] = value;
    if (!file) continue;
    if (value) problems.push(`${name} and ${name}_FILE are both set`);
    try {
      values[name] = readFileSync(file, 'utf8').trim();
    } catch {
      problems.push(`${name}_FILE cannot be read`);
    }
  }
  return values;
}

/** Temporal's own variables (TEMPORAL_TLS…, TEMPORAL_API_KEY, TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE) by Temporal's own rules. */
function temporalConnection(env: Environment, problems: string[]): ClientConnectConfig['connectionOptions'] {
  const own = Object.entries(env).flatMap(([name, value]) => (name.startsWith('TEMPORAL_') && value ? [[name, value] as const] : []));
  try {
    const disableFile = env['TEMPORAL_CONFIG_FILE'] === undefined;
    return loadClientConnectConfig({ overrideEnvVars: Object.fromEntries(own), disableFile }).connectionOptions;
  } catch (error) {
    // Its message may quote a path or a line of the configuration file.
    const { code, name } = error as NodeJS.ErrnoException;
    problems.push(`TEMPORAL_…: not usable (${code ?? name})`);
    return {};
  }
}

const temporalFileNames = [
  ...['TEMPORAL_API_KEY_FILE', 'TEMPORAL_CONFIG_FILE', 'TEMPORAL_TLS_SERVER_CA_CERT_PATH'],
  ...['TEMPORAL_TLS_CLIENT_CERT_PATH', 'TEMPORAL_TLS_CLIENT_KEY_PATH'],
];

/** The part of `loadConfig` that may change while a process runs. @throws ConfigError. */
export function loadTemporalConnection(env: Environment = process.env): ClientConnectConfig['connectionOptions'] {
  const problems: string[] = [];
  const connection = temporalConnection({ ...env, ...withFiles(env, problems) }, problems);
  if (problems.length > 0) throw new ConfigError(`The configuration is not usable:\n  ${problems.join('\n  ')}`);
  return connection;
}

/** @throws ConfigError, without quoting anything, when certificate and key do not fit or can't be read. */
export function checkTls({ cert, key, clientCa }: TlsTexts): void {
  try {
    createSecureContext({ cert, key });
    // A context takes whatever it is given for an authority.
    if (clientCa !== undefined) new X509Certificate(clientCa);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new ConfigError(`HANDOFF_TLS_…: certificate, key or authority are not usable (${code})`);
  }
}

function tlsOf(values: z.infer<typeof environment>, env: Environment, problems: string[]): Config['tls'] {
  const { HANDOFF_TLS_CERT: cert, HANDOFF_TLS_KEY: key, HANDOFF_TLS_CLIENT_CA: clientCa } = values;
  if (cert === undefined || key === undefined) {
    if (cert ?? key ?? clientCa) problems.push('HANDOFF_TLS_CERT and HANDOFF_TLS_KEY belong together');
    return undefined;
  }
  const texts = { cert, key, ...(clientCa !== undefined && { clientCa }) };
  try {
    checkTls(texts);
  } catch (error) {
    problems.push((error as ConfigError).message);
  }
  const sources = { cert: env['HANDOFF_TLS_CERT_FILE'], key: env['HANDOFF_TLS_KEY_FILE'], clientCa: env['HANDOFF_TLS_CLIENT_CA_FILE'] };
  return { ...texts, files: Object.fromEntries(Object.entries(sources).filter(([, file]) => file)) };
}

/** @throws ConfigError that names all problems at once; no value is shown, since it may be a secret. */
export function loadConfig(env: Environment = process.env): Config {
  const problems: string[] = [];
  const given = withFiles(env, problems);
  const connection = temporalConnection({ ...env, ...given }, problems);
  const parsed = environment.safeParse(given);
  if (!parsed.success) problems.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  const tls = parsed.success ? tlsOf(parsed.data, env, problems) : undefined;
  const identity = parsed.success ? identityOf(parsed.data, problems) : undefined;
  const mail = parsed.success ? mailOf(parsed.data, problems) : undefined;
  const storage = parsed.success ? storageOf(parsed.data, resolve(parsed.data.HANDOFF_DATA_DIR), problems) : undefined;
  if (!parsed.success || mail === undefined || storage === undefined || problems.length > 0)
    throw new ConfigError(`The configuration is not usable:\n  ${problems.join('\n  ')}`);
  const values = parsed.data;
  return {
    host: values.HANDOFF_HOST,
    port: values.HANDOFF_PORT,
    dataDir: resolve(values.HANDOFF_DATA_DIR),
    databaseUrl: values.DATABASE_URL,
    storage,
    mail,
    mailFrom: values.HANDOFF_MAIL_FROM,
    publicUrl: values.HANDOFF_PUBLIC_URL,
    mailEvents: mailEventsOf(values),
    maxUploadBytes: values.HANDOFF_MAX_UPLOAD_BYTES,
    fileRetentionDays: values.HANDOFF_FILE_RETENTION_DAYS,
    maxMessageBytes: values.HANDOFF_MAX_MESSAGE_BYTES,
    maxStreamsPerKey: values.HANDOFF_MAX_STREAMS_PER_KEY,
    limits: limitsOf(values),
    reports: reportsOf(values),
    images: imagesOf(values),
    uploads: uploadsOf(values, resolve(values.HANDOFF_DATA_DIR)),
    scanning: scanningOf(values),
    shutdownGraceSeconds: values.HANDOFF_SHUTDOWN_GRACE_SECONDS,
    encryption: encryptionOf(values),
    logLevel: values.HANDOFF_LOG_LEVEL,
    corsOrigins: values.HANDOFF_CORS_ORIGINS,
    codecOrigins: values.HANDOFF_CODEC_ORIGINS,
    trustProxy: values.HANDOFF_TRUST_PROXY,
    maxConnections: values.HANDOFF_MAX_CONNECTIONS,
    refuseSecrets: values.HANDOFF_REFUSE_SECRETS,
    tls,
    identity,
    outboundAllow: values.HANDOFF_OUTBOUND_ALLOW,
    temporal: {
      address: values.TEMPORAL_ADDRESS,
      namespace: values.TEMPORAL_NAMESPACE,
      connection,
      uiUrl: values.HANDOFF_TEMPORAL_UI_URL,
      files: temporalFileNames.flatMap((name) => env[name] || []),
    },
    dev: {
      apiKey: values.HANDOFF_DEV_API_KEY,
      smtpPort: values.HANDOFF_SMTP_PORT,
      temporalPort: values.HANDOFF_TEMPORAL_PORT,
      temporalUiPort: values.HANDOFF_TEMPORAL_UI_PORT,
      temporalCli: values.HANDOFF_TEMPORAL_CLI,
    },
  };
}
