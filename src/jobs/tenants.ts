/** The rule for the name of a tenant, wherever it comes from: 1 to 63 of a-z, 0-9, `_` and `-`. */
export function isTenant(name: unknown): name is string {
  return typeof name === 'string' && /^[a-z0-9][a-z0-9_-]{0,62}$/.test(name);
}
