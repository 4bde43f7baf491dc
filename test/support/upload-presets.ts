import { AppError } from '../../src/errors.ts';
import type { AuditLog } from '../../src/jobs/audit.ts';
import type { PresetStore, PresetVersion } from '../../src/jobs/upload-presets.ts';

type Kept = PresetVersion & { tenant: string; removed: boolean };

/** In memory, as the database does it. */
export function testPresets(audit: Pick<AuditLog, 'record'>): PresetStore & { versionsMade: Kept[] } {
  const all: Kept[] = [];
  const of = (tenant: string, name: string) => all.filter((one) => one.tenant === tenant && one.name === name);
  const shown = (tenant: string, name: string) => of(tenant, name).filter((one) => !one.removed);
  return {
    versionsMade: all,
    async put({ tenant, name, source, ifVersion }, entry) {
      const newest = shown(tenant, name).at(-1);
      if (ifVersion !== undefined && ifVersion !== (newest?.version ?? 0))
        throw new AppError('precondition_failed', 'This is not the newest version.');
      const made = JSON.stringify(newest?.source) !== JSON.stringify(source);
      const version = made || newest === undefined ? of(tenant, name).length + 1 : newest.version;
      await audit.record({ ...entry, tenant, target: name, details: { version, new: made } });
      if (!made && newest) return { made, version: newest };
      const fresh = { ...{ tenant, name, version, source }, createdAt: new Date(version), removed: false };
      all.push(fresh);
      return { made: true, version: fresh };
    },
    find: (tenant, name, version) =>
      Promise.resolve(
        shown(tenant, name)
          .filter((one) => version === undefined || one.version === version)
          .at(-1),
      ),
    list(tenant, { limit, from = '' }) {
      const newest = new Map(all.filter((one) => one.tenant === tenant && !one.removed).map((one) => [one.name, one]));
      const items = [...newest.values()].filter(({ name }) => name > from).sort((one, other) => (one.name < other.name ? -1 : 1));
      return Promise.resolve({ items: items.slice(0, limit), next: items.length > limit ? (items[limit - 1]?.name ?? null) : null });
    },
    async remove(tenant, name, entry) {
      const these = shown(tenant, name);
      for (const one of these) one.removed = true;
      if (these.length > 0) await audit.record({ ...entry, tenant, target: name });
      return these.length > 0;
    },
  };
}
