import { AppError } from '../../src/errors.ts';
import type { AuditLog } from '../../src/jobs/audit.ts';
import type { TemplateEngine, TemplateStore, TemplateVersion, TemplateVersions } from '../../src/jobs/email-templates.ts';
import { type Kept, testVersions } from './versions.ts';

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

/** In memory, as the database does it. */
export function testTemplates(audit: Pick<AuditLog, 'record'>): TemplateStore & { readonly versionsMade: Kept<TemplateVersion>[] } {
  const versions = testVersions<TemplateVersion>(audit);
  return {
    ...versions,
    async schemaOf(tenant, name, version) {
      const found = await versions.find(tenant, name, version);
      return found && { version: found.version, schema: found.source.schema };
    },
    partsOf: (tenant, name, version) =>
      Promise.resolve(versions.versionsMade.find((one) => one.tenant === tenant && one.name === name && one.version === version)?.parts),
  };
}
