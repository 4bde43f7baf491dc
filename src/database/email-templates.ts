import type { Kysely, Selectable } from 'kysely';

import type { JsonSchema, TemplateSource, TemplateStore, TemplateVersion } from '../jobs/email-templates.ts';
import { reachable } from './outage.ts';
import type { Database } from './schema.ts';
import { createVersions, entryOf } from './versions.ts';

type Own = Pick<Selectable<Database['emailTemplates']>, 'schema' | 'subject' | 'html' | 'text'>;

export function createTemplateStore(db: Kysely<Database>): TemplateStore {
  const versions = createVersions<TemplateSource, TemplateVersion, Own>(db, {
    table: 'emailTemplates',
    kind: 'email template',
    versionOf: ({ source, subject, html, text, ...entry }) => ({
      ...entryOf(entry),
      source: JSON.parse(source) as TemplateSource,
      parts: { subject, html, text },
    }),
  });
  const named = (tenant: string, name: string) => db.selectFrom('emailTemplates').where('tenant', '=', tenant).where('name', '=', name);

  return {
    ...versions,
    put: ({ parts, ...version }, entry) =>
      versions.put({ ...version, own: { schema: JSON.stringify(version.source.schema), ...parts } }, entry),

    schemaOf: (tenant, name, version) =>
      reachable(async () => {
        const all = named(tenant, name).where('removedAt', 'is', null);
        const these = version === undefined ? all : all.where('version', '=', version);
        const row = await these.select(['version', 'schema']).orderBy('version', 'desc').limit(1).executeTakeFirst();
        return row && { version: row.version, schema: JSON.parse(row.schema) as JsonSchema };
      }),

    partsOf: (tenant, name, version) =>
      reachable(() => named(tenant, name).where('version', '=', version).select(['subject', 'html', 'text']).executeTakeFirst()),
  };
}
