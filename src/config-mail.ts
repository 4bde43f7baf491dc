import { createPrivateKey } from 'node:crypto';
import { z } from 'zod';

export const mailKinds = ['smtp', 'ses', 'resend', 'postmark', 'log'] as const;
export type MailKind = (typeof mailKinds)[number];

/** One way for mail to leave. */
export interface MailProviderSettings {
  /** Of its lane, its rates and its place in logs; small letters, digits and hyphens. */
  readonly name: string;
  readonly kind: MailKind;
  /** Holds secrets. `resend:` and `postmark:` have the host `api` here, which they are written without. */
  readonly url: string;
}

export interface DkimSettings {
  readonly domain: string;
  readonly selector: string;
  /** PEM. */
  readonly key: string;
}

export interface MailSettings {
  /** In the order in which they are tried; undefined: nothing is configured. */
  readonly providers: readonly MailProviderSettings[] | undefined;
  /** Of each SMTP provider, in each process. */
  readonly connections: number;
  readonly dkim: DkimSettings | undefined;
}

const domainName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/i;

/** RFC 8301, 3.1 and 3.2. nodemailer signs with nothing else, and sends unsigned what it can't sign. */
function isRsaKey(pem: string): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem);
    return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 1024;
  } catch {
    return false;
  }
}

export const mailVariables = {
  SMTP_URL: z
    .string()
    .refine((value) => URL.canParse(value) && ['smtp:', 'smtps:'].includes(new URL(value).protocol), 'must be a URL with smtp: or smtps:')
    .optional(),
  HANDOFF_MAIL_PROVIDERS: z.string().optional(),
  HANDOFF_MAIL_CONNECTIONS: z.coerce.number().int().min(1).max(100).default(5),
  HANDOFF_DKIM_DOMAIN: z.string().regex(domainName, 'must be a domain').optional(),
  HANDOFF_DKIM_SELECTOR: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i, 'must be letters, digits and hyphens')
    .optional(),
  HANDOFF_DKIM_KEY: z.string().refine(isRsaKey, 'must be a private RSA key of at least 1024 bits in PEM').optional(),
};

type Values = z.infer<z.ZodObject<typeof mailVariables>>;

interface Form {
  kind: MailKind;
  /** Names in the query; `undefined`: the library's own. */
  query: readonly string[] | undefined;
  /** What is wrong with it, without quoting it. */
  problem: (url: URL) => string | undefined;
}

const needsKey = ({ username, password, hostname }: URL) =>
  username === '' || password !== '' || hostname !== 'api' ? 'must be like resend://API_KEY@ or postmark://TOKEN@' : undefined;
const smtp: Form = { kind: 'smtp', query: undefined, problem: ({ hostname }) => (hostname === '' ? 'has no host' : undefined) };

const forms: Readonly<Record<string, Form>> = {
  'smtp:': smtp,
  'smtps:': smtp,
  'ses:': {
    kind: 'ses',
    query: ['endpoint', 'configurationSet'],
    problem: ({ hostname, username, password }) => {
      if (!/^[a-z]{2,}(-[a-z]+)+-\d+$/.test(hostname)) return 'must have a region like eu-west-1 as its host';
      return (username === '') === (password === '') ? undefined : 'must have both a key and a secret, or neither';
    },
  },
  'resend:': { kind: 'resend', query: ['endpoint'], problem: needsKey },
  'postmark:': { kind: 'postmark', query: ['endpoint', 'stream', 'bulkStream'], problem: needsKey },
  'log:': { kind: 'log', query: [], problem: () => undefined },
};

const isWebAddress = (text: string) => URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol);

/** @returns a text: what is wrong. */
function providerOf(entry: string): MailProviderSettings | string {
  const [, given, text = ''] = /^(?:([^=:/@?]*)=)?(.*)$/s.exec(entry) ?? [];
  // A URL with a user must have a host, and these services have only one.
  const whole = /^(resend|postmark):/.test(text) ? text.replace(/@(?=[?]|$)/, '@api') : text;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  const form = forms[url?.protocol ?? ''];
  if (url === undefined || form === undefined)
    return `must be a URL with ${Object.keys(forms).join(', ')}, with special characters percent-encoded`;
  const name = given ?? form.kind;
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) return 'its name must be 1 to 32 small letters, digits and hyphens, a letter first';
  const unknown = [...url.searchParams.keys()].some((key) => form.query?.includes(key) === false);
  if (unknown) return `takes only ${(form.query ?? []).join(', ') || 'nothing'} in its query`;
  const endpoint = form.query === undefined ? null : url.searchParams.get('endpoint');
  if (endpoint !== null && !isWebAddress(endpoint)) return 'endpoint must be a URL with http: or https:';
  return form.problem(url) ?? { name, kind: form.kind, url: whole };
}

function listOf(text: string, problems: string[]): MailProviderSettings[] {
  const entries = text.split(/[\s,]+/).filter((entry) => entry !== '');
  const providers: MailProviderSettings[] = [];
  for (const [index, entry] of entries.entries()) {
    const provider = providerOf(entry);
    const place = `HANDOFF_MAIL_PROVIDERS, number ${String(index + 1)}`;
    if (typeof provider === 'string') problems.push(`${place}: ${provider}`);
    else if (providers.some(({ name }) => name === provider.name)) problems.push(`${place}: another one has the same name; write name=URL`);
    else providers.push(provider);
  }
  if (entries.length === 0) problems.push('HANDOFF_MAIL_PROVIDERS: is empty');
  return providers;
}

/** No value is quoted in a problem: it may be a secret. */
export function mailOf(values: Values, problems: string[]): MailSettings {
  const { HANDOFF_MAIL_PROVIDERS: list, SMTP_URL: smtpUrl } = values;
  const { HANDOFF_DKIM_DOMAIN: domain, HANDOFF_DKIM_SELECTOR: selector, HANDOFF_DKIM_KEY: key } = values;
  const dkim = domain !== undefined && selector !== undefined && key !== undefined ? { domain, selector, key } : undefined;
  if (dkim === undefined && (domain ?? selector ?? key) !== undefined)
    problems.push('HANDOFF_DKIM_…: HANDOFF_DKIM_DOMAIN, HANDOFF_DKIM_SELECTOR and HANDOFF_DKIM_KEY must all be set, or none of them');
  const only = smtpUrl === undefined ? undefined : [smtpProvider(smtpUrl)];
  return {
    providers: list === undefined ? only : listOf(list, problems),
    connections: values.HANDOFF_MAIL_CONNECTIONS,
    dkim,
  };
}

/** What SMTP_URL says. */
export function smtpProvider(url: string): MailProviderSettings {
  return { name: 'smtp', kind: 'smtp', url };
}
