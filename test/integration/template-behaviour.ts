import { expect, test } from '@jest/globals';
import type { Kysely } from 'kysely';

import { createAuditLog } from '../../src/database/audit-log.ts';
import { createTemplateStore } from '../../src/database/email-templates.ts';
import { removeTenant } from '../../src/database/erase-tenant.ts';
import type { Database } from '../../src/database/schema.ts';
import type { TemplateSource } from '../../src/jobs/email-templates.ts';
import { anEntry } from '../support/audit.ts';

const sourceOf = (text: string): TemplateSource => ({ subject: 'Grüße 🦌', text, schema: { b: 1, a: 2 }, sample: { z: 1, name: 'Ada' } });
const entry = anEntry({ action: 'email_template.put' });

/** What a store of e-mail templates does in either database. */
export function templateBehaviour(open: () => Kysely<Database>): void {
  const of = (tenant: string) => {
    const store = createTemplateStore(open());
    const put = (text: string, ifVersion?: number, name = 'welcome') =>
      store.put({ tenant, name, source: sourceOf(text), parts: { subject: 's', html: `<p>${text}</p>`, text }, ifVersion }, entry);
    return { store, put };
  };

  test('gives every version a number of its own, however many come at once, and audits each', async () => {
    const { store, put } = of('templates-at-once');
    const made = await Promise.all(Array.from({ length: 8 }, (_, i) => put(`text ${String(i)}`)));
    expect(made.map(({ version }) => version.version).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const { items } = await createAuditLog(open()).list('templates-at-once', {}, { limit: 20 });
    expect(items.map(({ target, details }) => [target, details])).toHaveLength(8);
    const newest = await store.find('templates-at-once', 'welcome');
    expect(await put(newest?.source.text ?? '')).toEqual({ made: false, version: newest });
    expect((await store.versions('templates-at-once', 'welcome', { limit: 20 })).items).toHaveLength(8);
  });

  test('lets one of many writers win who have seen the same version', async () => {
    const { put } = of('templates-writers');
    await put('first');
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, (_, i) => put(`next ${String(i)}`, 1)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of outcomes) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'precondition_failed' });
  });

  test('gives a version back as it was put, by its number, and to nobody else', async () => {
    const { store, put } = of('templates-own');
    await put('one');
    await put('two');
    const source = sourceOf('one');
    const found = await store.find('templates-own', 'welcome', 1);
    expect(found).toMatchObject({ name: 'welcome', version: 1, source, parts: { subject: 's', html: '<p>one</p>', text: 'one' } });
    expect(JSON.stringify(found?.source)).toBe(JSON.stringify(source));
    expect(await store.schemaOf('templates-own', 'welcome')).toEqual({ version: 2, schema: source.schema });
    expect(await store.partsOf('templates-own', 'welcome', 1)).toEqual(found?.parts);
    for (const version of [undefined, 1]) expect(await store.find('templates-other', 'welcome', version)).toBeUndefined();
    expect(await store.partsOf('templates-other', 'welcome', 1)).toBeUndefined();
    expect(await store.list('templates-other', { limit: 5 })).toEqual({ items: [], next: null });
    expect(await store.remove('templates-other', 'welcome', entry)).toBe(false);
  });

  test('lists names in pages, each once', async () => {
    const { store, put } = of('templates-list');
    for (const name of ['b', 'a', 'c-1', 'c.2', 'c_3']) await put('x', undefined, name);
    await put('y', undefined, 'a');
    const seen: string[] = [];
    let from: { from?: string } | undefined = {};
    while (from !== undefined) {
      const { items, next } = await store.list('templates-list', { limit: 2, ...from });
      seen.push(...items.map(({ name, version }) => `${name} ${String(version)}`));
      from = next === null ? undefined : { from: next };
    }
    expect(seen.sort()).toEqual(['a 2', 'b 1', 'c-1 1', 'c.2 1', 'c_3 1']);
  });

  test('hides what is removed from new jobs, not from those that have it, and erases it with its tenant', async () => {
    const { store, put } = of('templates-removed');
    await put('one');
    expect(await store.remove('templates-removed', 'welcome', entry)).toBe(true);
    expect(await store.schemaOf('templates-removed', 'welcome', 1)).toBeUndefined();
    expect(await store.partsOf('templates-removed', 'welcome', 1)).toMatchObject({ text: 'one' });
    expect((await put('one')).version.version).toBe(2);
    await of('templates-kept').put('one');
    await removeTenant(open(), 'templates-removed');
    for (const version of [1, 2]) expect(await store.partsOf('templates-removed', 'welcome', version)).toBeUndefined();
    expect(await store.partsOf('templates-kept', 'welcome', 1)).toBeDefined();
  });
}
