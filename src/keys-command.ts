import { ConfigError } from './config.ts';
import type { ApiKey, KeyOrder, KeyScope } from './jobs/api-keys.ts';
import { tableOf } from './table.ts';

/** Of `handoff keys …`, as they were given. */
export interface KeyOptions {
  tenant?: string | undefined;
  scopes?: string | undefined;
  expires?: string | undefined;
  name?: string | undefined;
}

const known: readonly KeyScope[] = ['submit', 'read', 'operate', 'admin'];
const usual: readonly KeyScope[] = ['submit', 'read', 'operate'];

const unitSeconds: Record<string, number> = { m: 60, h: 3_600, d: 86_400 };
const tenYears = 10 * 365 * 86_400;

/** @throws ConfigError. */
export function tenantOf(tenant = 'default'): string {
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(tenant)) throw new ConfigError('--tenant: must be 1 to 63 of a-z, 0-9, _ and -');
  return tenant;
}

function scopesOf(scopes: string | undefined): readonly KeyScope[] {
  if (scopes === undefined) return usual;
  const asked = scopes.split(',').map((scope) => scope.trim());
  const wrong = asked.filter((scope) => !(known as readonly string[]).includes(scope));
  if (wrong.length > 0) throw new ConfigError(`--scopes: ${wrong.map((scope) => `"${scope}"`).join(', ')} is none of ${known.join(', ')}`);
  return known.filter((scope) => asked.includes(scope));
}

function lifetimeOf(expires: string): number {
  const [, count, unit = ''] = /^(\d{1,7})([mhd])$/.exec(expires) ?? [];
  const seconds = Number(count) * (unitSeconds[unit] ?? NaN);
  if (!(seconds >= 60 && seconds <= tenYears)) throw new ConfigError('--expires: must be like 30m, 12h or 90d, and at most 3650d');
  return seconds;
}

/** @throws ConfigError. */
export function keyOrderOf({ tenant, scopes, expires, name }: KeyOptions): KeyOrder {
  // The same as over HTTP: a name has no line breaks, so that a list stays one.
  if (name !== undefined && !/^[^\p{Cc}\u2028\u2029]{1,100}$/u.test(name))
    throw new ConfigError('--name: must be 1 to 100 characters without line breaks');
  return {
    tenant: tenantOf(tenant),
    scopes: scopesOf(scopes),
    ...(name !== undefined && { name }),
    ...(expires !== undefined && { lifetimeSeconds: lifetimeOf(expires) }),
  };
}

const timeOf = (time: Date | null) => time?.toISOString().slice(0, 16).replace('T', ' ') ?? '-';

function stateOf({ expiresAt, revokedAt }: ApiKey, now: number): string {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && expiresAt.getTime() <= now ? 'expired' : 'valid';
}

/** One line a key, for people. Times are UTC. */
export function keyTable(keys: readonly ApiKey[], now = Date.now()): string {
  const head = ['ID', 'KEY', 'STATE', 'SCOPES', 'CREATED', 'EXPIRES', 'LAST USED', 'NAME'];
  const lines = keys.map((key) => [
    key.id,
    `${key.prefix}…`,
    stateOf(key, now),
    key.scopes.join(','),
    timeOf(key.createdAt),
    timeOf(key.expiresAt),
    timeOf(key.lastUsedAt),
    // Nothing that a terminal might obey.
    key.name?.replaceAll(/\p{C}/gu, '?') ?? '-',
  ]);
  return tableOf([head, ...lines]);
}
