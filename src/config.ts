import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';

/** What the environment says, checked. Defaults and meanings: `.env.example`. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly smtpUrl: string | undefined;
  readonly mailFrom: string;
  readonly maxUploadBytes: number;
  readonly maxImagePixels: number;
  readonly maxStreamsPerKey: number;
  readonly shutdownGraceSeconds: number;
  readonly encryption: {
    readonly enabled: boolean;
    /** Master keys, each 32 bytes in base 64; the first one writes. */
    readonly keys: readonly string[] | undefined;
    /** A module that reaches a key management service, in place of the keys. */
    readonly keyModule: string | undefined;
  };
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly temporal: {
    /** Given: use that server, start none. */
    readonly address: string | undefined;
    readonly namespace: string;
    /** TLS, API key and metadata, as `@temporalio/envconfig` reads them. */
    readonly connection: ClientConnectConfig['connectionOptions'];
    readonly uiUrl: string | undefined;
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

const port = (fallback: number) => z.coerce.number().int().min(1).max(65_535).default(fallback);
const natural = (fallback: number) => z.coerce.number().int().min(1).default(fallback);
const url = (...protocols: string[]) =>
  z
    .string()
    .refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), `must be a URL with ${protocols.join(' or ')}`);

/** One or several, by comma or white space. */
const masterKeys = z
  .string()
  .transform((text) => text.split(/[\s,]+/).filter((key) => key !== ''))
  .refine(
    (keys) => keys.length > 0 && keys.every((key) => /^[A-Za-z0-9+/]{43}=$/.test(key)),
    'must be 32 random bytes in base 64 (`openssl rand -base64 32`); several, the newest first, by comma',
  );

const environment = z.object({
  HANDOFF_HOST: z.string().default('127.0.0.1'),
  HANDOFF_PORT: port(3000),
  HANDOFF_DATA_DIR: z.string().default('.handoff'),
  DATABASE_URL: url('postgres:', 'postgresql:').optional(),
  SMTP_URL: url('smtp:', 'smtps:').optional(),
  HANDOFF_MAIL_FROM: z.email().default('handoff@localhost.localdomain'),
  HANDOFF_MAX_UPLOAD_BYTES: natural(512 * 1024 * 1024),
  HANDOFF_MAX_IMAGE_PIXELS: natural(100_000_000),
  HANDOFF_MAX_STREAMS_PER_KEY: natural(100),
  HANDOFF_SHUTDOWN_GRACE_SECONDS: natural(20),
  HANDOFF_ENCRYPTION: z.enum(['on', 'off']).default('on'),
  HANDOFF_ENCRYPTION_KEYS: masterKeys.optional(),
  HANDOFF_ENCRYPTION_KEY_MODULE: z.string().optional(),
  HANDOFF_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('warn'),
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

/** @throws ConfigError that names all problems at once; no value is shown, since it may be a secret. */
export function loadConfig(env: Environment = process.env): Config {
  const problems: string[] = [];
  const given = withFiles(env, problems);
  const connection = temporalConnection({ ...env, ...given }, problems);
  const parsed = environment.safeParse(given);
  if (!parsed.success) problems.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  if (!parsed.success || problems.length > 0) throw new ConfigError(`The configuration is not usable:\n  ${problems.join('\n  ')}`);
  const values = parsed.data;
  return {
    host: values.HANDOFF_HOST,
    port: values.HANDOFF_PORT,
    dataDir: resolve(values.HANDOFF_DATA_DIR),
    databaseUrl: values.DATABASE_URL,
    smtpUrl: values.SMTP_URL,
    mailFrom: values.HANDOFF_MAIL_FROM,
    maxUploadBytes: values.HANDOFF_MAX_UPLOAD_BYTES,
    maxImagePixels: values.HANDOFF_MAX_IMAGE_PIXELS,
    maxStreamsPerKey: values.HANDOFF_MAX_STREAMS_PER_KEY,
    shutdownGraceSeconds: values.HANDOFF_SHUTDOWN_GRACE_SECONDS,
    encryption: {
      enabled: values.HANDOFF_ENCRYPTION === 'on',
      keys: values.HANDOFF_ENCRYPTION_KEYS,
      keyModule: values.HANDOFF_ENCRYPTION_KEY_MODULE,
    },
    logLevel: values.HANDOFF_LOG_LEVEL,
    temporal: {
      address: values.TEMPORAL_ADDRESS,
      namespace: values.TEMPORAL_NAMESPACE,
      connection,
      uiUrl: values.HANDOFF_TEMPORAL_UI_URL,
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
