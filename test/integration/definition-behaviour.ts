import { expect, test } from '@jest/globals';
import type { Kysely } from 'kysely';

import { createAuditLog } from '../../src/database/audit-log.ts';
import { createTemplateStore } from '../../src/database/email-templates.ts';
import { removeTenant } from '../../src/database/erase-tenant.ts';
import { createDefinitionStore } from '../../src/database/report-definitions.ts';
import type { Database } from '../../src/database/schema.ts';
import type { ReportDefinition } from '../../src/jobs/report-definitions.ts';
import { anEntry } from '../support/audit.ts';

const sourceOf = (title: string): ReportDefinition => ({ title, outputs: [{ format: 'csv' }], description: 'Grüße 🦌' });
const entry = anEntry({ action: 'report_definition.put' });

/** What report definitions have beside what e-mail templates, with the same store, show. */
export function definitionBehaviour(open: () => Kysely<Database>): void {
  test('keeps report definitions and their versions apart from templates of the same name, and erases them with their tenant', async () => {
    const store = createDefinitionStore(open());
    const tenant = 'definitions';
    const put = (title: string, ifVersion?: number) => store.put({ tenant, name: 'monthly', source: sourceOf(title), ifVersion }, entry);
    const template = { subject: 's', text: 't', schema: true, sample: {} };
    const parts = { subject: 's', html: null, text: 't' };
    await createTemplateStore(open()).put({ tenant, name: 'monthly', source: template, parts }, anEntry({ action: 'email_template.put' }));
    const made = await Promise.all(['one', 'two', 'three'].map((title) => put(title)));
    expect(made.map(({ version }) => version.version).sort()).toEqual([1, 2, 3]);
    const newest = await store.find(tenant, 'monthly');
    expect(await put(newest?.source.title ?? '', 3)).toEqual({ made: false, version: newest });
    await expect(put('late', 2)).rejects.toMatchObject({ code: 'precondition_failed' });
    expect(JSON.stringify(newest?.source)).toBe(JSON.stringify(sourceOf(newest?.source.title ?? '')));
    expect(newest).toMatchObject({ name: 'monthly', version: 3, description: 'Grüße 🦌' });
    expect(await store.find('definitions-of-others', 'monthly')).toBeUndefined();
    expect((await store.versions(tenant, 'monthly', { limit: 2 })).items.map(({ version }) => version)).toEqual([3, 2]);
    expect(await store.remove(tenant, 'monthly', anEntry({ action: 'report_definition.delete' }))).toBe(true);
    expect([await store.find(tenant, 'monthly'), await store.find(tenant, 'monthly', 1)]).toEqual([undefined, undefined]);
    expect((await put('again')).version.version).toBe(4);
    const { items } = await createAuditLog(open()).list(tenant, {}, { limit: 20 });
    expect(items.map(({ action }) => action).filter((action) => action === 'report_definition.put')).toHaveLength(5);
    await removeTenant(open(), tenant);
    expect(await store.find(tenant, 'monthly')).toBeUndefined();
  });
}
