import { AppError } from '../../src/errors.ts';
import type { AuditLog } from '../../src/jobs/audit.ts';
import type { TemplateEngine, TemplateStore, TemplateVersion, TemplateVersions } from '../../src/jobs/email-templates.ts';

/** For submissions that have no template. */
export const noTemplates: TemplateVersions = {
  chosen: () => Promise.reject(new AppError('template_not_found', 'There is no such template.')),
  choose: () => Promise.reject(new AppError('template_not_found', 'There is no such template.')),
};

/** Takes everything as it is: the real one loads MJML. */
export const plainEngine: TemplateEngine = {
  compile: ({ subject, mjml, html, text = null }) => Promise.resolve({ subject, html: html ?? mjml ?? null, text }),
  preview: ({ parts }) => Promise.resolve({ ...parts, missing: [], unused: [], problems: [] }),
};

type Kept = TemplateVersion & { tenant: string; removed: boolean };

/** In memory, as the database does it. */
export function testTemplates(audit: Pick<AuditLog, 'record'>): TemplateStore & { readonly versionsMade: Kept[] } {
  const versionsMade: Kept[] = [];
  const of = (tenant: string, name?: string) =>
    versionsMade.filter((one) => one.tenant === tenant && !one.removed && (name === undefined || one.name === name));
  const find = (tenant: string, name: string, version?: number) =>
    Promise.resolve(
      of(tenant, name)
        .filter((one) => version === undefined || one.version === version)
        .at(-1),
    );
  const pageOf = (all: Kept[], limit: number, key: (one: Kept) => string) => {
    const last = all[limit - 1];
    return { items: all.slice(0, limit), next: all.length > limit && last ? key(last) : null };
  };
  return {
    versionsMade,
    find,
    async put({ tenant, name, source, parts, ifVersion }, entry) {
      const newest = of(tenant, name).at(-1);
      if (ifVersion !== undefined && ifVersion !== (newest?.version ?? 0))
        throw new AppError('precondition_failed', 'This is not the newest version.');
      const made = JSON.stringify(newest?.source) !== JSON.stringify(source);
      const version =
        made || newest === undefined ? versionsMade.filter((one) => one.tenant === tenant && one.name === name).length + 1 : newest.version;
      await audit.record({ ...entry, tenant, target: name, details: { version, new: made } });
      if (!made && newest) return { made, version: newest };
      const description = source.description ?? null;
      const fresh = { ...{ tenant, name, version, source, parts, description }, createdAt: new Date(version), removed: false };
      versionsMade.push(fresh);
      return { made: true, version: fresh };
    },
    async schemaOf(tenant, name, version) {
      const found = await find(tenant, name, version);
      return found && { version: found.version, schema: found.source.schema };
    },
    partsOf: (tenant, name, version) =>
      Promise.resolve(versionsMade.find((one) => one.tenant === tenant && one.name === name && one.version === version)?.parts),
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
