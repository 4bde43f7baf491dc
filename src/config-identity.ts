import { isIP } from 'node:net';
import { z } from 'zod';

/** Of the identity provider whose access tokens are taken. */
export interface IdentitySettings {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string | undefined;
  readonly algorithms: readonly string[];
  readonly tenantClaim: string;
  readonly scopesClaim: string;
  readonly scopePrefix: string;
  readonly maxTokenAgeSeconds: number | undefined;
  readonly maxTokenBytes: number;
}

const list = (allowed: (entry: string) => boolean, message: string) =>
  z
    .string()
    .transform((value) => value.split(',').map((entry) => entry.trim()))
    .refine((entries) => entries.every(allowed), message);

/** Whoever can change the keys of an identity provider on their way can be anybody. */
const secureUrl = z.string().refine((value) => {
  const { protocol, hostname, username, password, search, hash } = URL.canParse(value) ? new URL(value) : new URL('none:');
  const secure = protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname));
  return secure && [username, password, search, hash].every((part) => part === '');
}, 'must be a URL with https:, or with http: on this machine, without user, query and fragment');

/** RFC 7518, 3.1, and RFC 8037: only those with a public key, so that whoever can check a token can't make one. */
const asymmetric = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];

function isHostOrNetwork(entry: string): boolean {
  const [address = '', bits, ...rest] = entry.split('/');
  const version = isIP(address);
  if (version === 0)
    return /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i.test(entry) && !/(^|\.)\d+$/.test(entry);
  return rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)));
}

/** Whose access tokens are taken, and where requests of ours may go. */
export const identityVariables = {
  HANDOFF_OIDC_ISSUER: secureUrl.optional(),
  HANDOFF_OIDC_AUDIENCE: z.string().optional(),
  HANDOFF_OIDC_JWKS_URL: secureUrl.optional(),
  HANDOFF_OIDC_ALGORITHMS: list((name) => asymmetric.includes(name), `must be of ${asymmetric.join(', ')}`).default([
    'RS256',
    'PS256',
    'ES256',
    'EdDSA',
  ]),
  HANDOFF_OIDC_TENANT_CLAIM: z.string().default('tenant'),
  HANDOFF_OIDC_SCOPES_CLAIM: z.string().default('scope'),
  HANDOFF_OIDC_SCOPE_PREFIX: z.string().default(''),
  HANDOFF_OIDC_MAX_TOKEN_AGE_SECONDS: z.coerce.number().int().min(1).optional(),
  HANDOFF_OIDC_MAX_TOKEN_BYTES: z.coerce.number().int().min(1).default(8_192),
  HANDOFF_OUTBOUND_ALLOW: list(
    isHostOrNetwork,
    'must be addresses, networks like 10.1.0.0/16 and names of hosts, separated by commas',
  ).default([]),
};

const variables = z.object(identityVariables);

/** @returns undefined: it is not asked for, or half of it is missing, which is a problem then. */
export function identityOf(values: z.infer<typeof variables>, problems: string[]): IdentitySettings | undefined {
  const { HANDOFF_OIDC_ISSUER: issuer, HANDOFF_OIDC_AUDIENCE: audience } = values;
  if (issuer !== undefined && audience !== undefined)
    return {
      issuer,
      audience,
      jwksUrl: values.HANDOFF_OIDC_JWKS_URL,
      algorithms: values.HANDOFF_OIDC_ALGORITHMS,
      tenantClaim: values.HANDOFF_OIDC_TENANT_CLAIM,
      scopesClaim: values.HANDOFF_OIDC_SCOPES_CLAIM,
      scopePrefix: values.HANDOFF_OIDC_SCOPE_PREFIX,
      maxTokenAgeSeconds: values.HANDOFF_OIDC_MAX_TOKEN_AGE_SECONDS,
      maxTokenBytes: values.HANDOFF_OIDC_MAX_TOKEN_BYTES,
    };
  const usual = variables.parse({});
  const names = (Object.keys(identityVariables) as (keyof typeof values)[]).filter((name) => name.startsWith('HANDOFF_OIDC_'));
  const isSet = names.some((name) => String(values[name]) !== String(usual[name]));
  if (isSet) problems.push('HANDOFF_OIDC_…: HANDOFF_OIDC_ISSUER and HANDOFF_OIDC_AUDIENCE must both be set, or nothing of it');
  return undefined;
}
