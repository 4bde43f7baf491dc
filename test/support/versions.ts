import { AppError } from '../../src/errors.ts';
import type { AuditLog } from '../../src/jobs/audit.ts';
import type { NewVersion, VersionEntry, VersionStore } from '../../src/jobs/versions.ts';

export type Kept<Version> = Version & { tenant: string; removed: boolean };
type Versioned = VersionEntry & { source: { description?: string | undefined } };
type New<Version extends Versioned> = NewVersion<Version['source']> & Omit<Version, keyof VersionEntry | 'source'>;

/** In memory, as the database does it. */
export function testVersions<Version extends Versioned>(
  audit: Pick<AuditLog, 'record'>,
): VersionStore<Version, New<Version>> & { readonly versionsMade: Kept<Version>[] } {
  const versionsMade: Kept<Version>[] = [];
  const of = (tenant: string, name?: string) =>
    versionsMade.filter((one) => one.tenant === tenant && !one.removed && (name === undefined || one.name === name));
  const pageOf = (all: VersionEntry[], limit: number, key: (one: VersionEntry) => string) => {
    const last = all[limit - 1];
    return { items: all.slice(0, limit), next: all.length > limit && last ? key(last) : null };
  };
  return {
    versionsMade,
    find: (tenant, name, version) =>
      Promise.resolve(
        of(tenant, name)
          .filter((one) => version === undefined || one.version === version)
          .at(-1),
      ),
    async put({ ifVersion, ...given }, entry) {
      const { tenant, name, source } = given;
      const newest = of(tenant, name).at(-1);
      if (ifVersion !== undefined && ifVersion !== (newest?.version ?? 0))
        throw new AppError('precondition_failed', 'This is not the newest version.');
      const made = JSON.stringify(newest?.source) !== JSON.stringify(source);
      const version =
        made || newest === undefined ? versionsMade.filter((one) => one.tenant === tenant && one.name === name).length + 1 : newest.version;
      await audit.record({ ...entry, tenant, target: name, details: { version, new: made } });
      if (!made && newest) return { made, version: newest };
      const facts = { version, description: source.description ?? null, createdAt: new Date(version), removed: false };
      const fresh = { ...given, ...facts } as unknown as Kept<Version>;
      versionsMade.push(fresh);
      return { made: true, version: fresh };
    },
    list: (tenant, { limit, from = '' }) => {
      const newest = new Map(of(tenant).map((one) => [one.name, one]));
      const sorted = [...newest.values()].filter(({ name }) => name > from).sort((one, other) => (one.name < other.name ? -1 : 1));
      return Promise.resolve(pageOf(sorted, limit, ({ name }) => name));
    },
    versions: (tenant, name, { limit, from = Infinity }) => {
      const before = of(tenant, name).filter(({ version }) => version < Number(from));
      return Promise.resolve(pageOf(before.reverse(), limit, ({ version }) => String(version)));
    },
    async remove(tenant, name, entry) {
      const those = of(tenant, name);
      if (those.length > 0) await audit.record({ ...entry, tenant, target: name });
      for (const one of those) one.removed = true;
      return those.length > 0;
    },
  };
}
