import { describe, expect, test } from '@jest/globals';
import { type Kysely, sql } from 'kysely';

import { createAuditLog } from '../../src/database/audit-log.ts';
import { createDeliveries } from '../../src/database/deliveries.ts';
import { removeTenant, knownTenants } from '../../src/database/erase-tenant.ts';
import { createDeliveryLookup, withProviderNames } from '../../src/database/provider-messages.ts';
import type { Database } from '../../src/database/schema.ts';
import { createSuppressions } from '../../src/database/suppressions.ts';
import { createTenantSecrets } from '../../src/database/tenant-secrets.ts';
import { newJobId } from '../../src/jobs/ids.ts';
import { suppressionNames } from '../../src/jobs/suppression-names.ts';
import type { NewSuppression } from '../../src/jobs/suppressions.ts';
import { anEntry } from '../support/audit.ts';

let tenants = 0;

const ada = 'ada@example.com';
const bounce: NewSuppression = { address: ada, category: 'all', reason: 'bounce' };
const unsubscribed: NewSuppression = { address: ada, category: 'bulk', reason: 'unsubscribe' };

/** What every place does with the suppression list. */
export function suppressionBehaviour(database: () => Kysely<Database>): void {
  function open() {
    const [tenant, other] = [`suppressing-${String(tenants++)}`, `suppressing-${String(tenants++)}`];
    const db = database();
    const list = createSuppressions(db, suppressionNames);
    const all = async (of = tenant) => (await list.list(of, {}, { limit: 200 })).items;
    const reasonFor = async (address: string, category: 'transactional' | 'bulk', of = tenant) =>
      (await list.suppressed(of, [address], category)).get(address);
    const entries = async () => (await createAuditLog(db).list(tenant, {}, { limit: 200 })).items;
    return { tenant, other, db, list, all, reasonFor, entries };
  }

  describe('the suppression list', () => {
    test('keeps each address once for each category and reason, also when many add it at once', async () => {
      const { tenant, list, all } = open();
      const added = await Promise.all(Array.from({ length: 10 }, () => list.add(tenant, { ...bounce, note: 'by hand' })));
      expect(added.filter((one) => one.added)).toHaveLength(1);
      expect(new Set(added.map(({ suppression }) => suppression.id)).size).toBe(1);
      await list.add(tenant, unsubscribed);
      expect(await all()).toEqual([
        { ...unsubscribed, note: null, id: expect.stringMatching(/^supp_[a-z2-7]{26}$/), createdAt: expect.any(Date) },
        { ...bounce, note: 'by hand', id: added[0]?.suppression.id, createdAt: added[0]?.suppression.createdAt },
      ]);
    });

    test('holds back both categories for a bounce, a complaint and by hand, and only bulk mail for an unsubscription', async () => {
      const { tenant, list, reasonFor } = open();
      for (const reason of ['bounce', 'complaint', 'manual'] as const) {
        await list.add(tenant, { address: `${reason}@example.com`, category: 'all', reason });
        for (const category of ['transactional', 'bulk'] as const) expect(await reasonFor(`${reason}@example.com`, category)).toBe(reason);
      }
      await list.add(tenant, unsubscribed);
      expect([await reasonFor(ada, 'bulk'), await reasonFor(ada, 'transactional')]).toEqual(['unsubscribe', undefined]);
      await list.add(tenant, { address: 'eve@example.com', category: 'transactional', reason: 'manual' });
      expect([await reasonFor('eve@example.com', 'bulk'), await reasonFor('eve@example.com', 'transactional')]).toEqual([
        undefined,
        'manual',
      ]);
    });

    test('tells what the recipient has said before what servers have said', async () => {
      const { tenant, list, reasonFor } = open();
      await list.addAll(tenant, [unsubscribed, bounce, { ...bounce, reason: 'complaint' }]);
      expect([await reasonFor(ada, 'bulk'), await reasonFor(ada, 'transactional')]).toEqual(['complaint', 'complaint']);
    });

    test('finds an address in every spelling of it, and tells it in the one that was asked for', async () => {
      const { tenant, list } = open();
      await list.addAll(tenant, [bounce, { ...bounce, address: 'jörg@xn--bcher-kva.example' }]);
      const asked = ['Ada@Example.COM', 'JÖRG@bücher.example', 'eve@example.com'];
      expect([...(await list.suppressed(tenant, asked, 'bulk'))]).toEqual([
        ['Ada@Example.COM', 'bounce'],
        ['JÖRG@bücher.example', 'bounce'],
      ]);
      expect(await list.suppressed(tenant, [], 'bulk')).toEqual(new Map());
    });

    test('takes an address that a server has rejected, once', async () => {
      const { tenant, list, all } = open();
      for (const address of ['Ada@example.com', 'ada@EXAMPLE.com']) await list.recipientRejected(tenant, address);
      expect(await all()).toMatchObject([bounce]);
    });

    test('counts what an import adds, also beyond one statement, and leaves the rest as it is', async () => {
      const { tenant, list, all } = open();
      const { suppression } = await list.add(tenant, { ...bounce, note: 'first' });
      const many = Array.from({ length: 2_500 }, (_, index) => ({ ...bounce, address: `a${String(index)}@example.com` }));
      expect(await list.addAll(tenant, [...many, bounce, bounce])).toBe(2_500);
      expect(await list.addAll(tenant, many)).toBe(0);
      expect((await list.list(tenant, { address: ada }, { limit: 9 })).items).toEqual([suppression]);
      expect(await all()).toHaveLength(200);
    });

    test('gives pages, newest first, that miss nothing and repeat nothing', async () => {
      const { tenant, list } = open();
      await list.addAll(
        tenant,
        Array.from({ length: 5 }, (_, index) => ({ ...bounce, address: `a${String(index)}@example.com` })),
      );
      await list.add(tenant, unsubscribed);
      const seen: string[] = [];
      let from: string | undefined;
      do {
        const page = await list.list(tenant, {}, { limit: 2, from });
        expect(page.items).toHaveLength(2);
        seen.push(...page.items.map(({ address }) => address));
        from = page.next ?? undefined;
      } while (from !== undefined);
      expect(seen[0]).toBe(ada);
      expect(new Set(seen).size).toBe(6);
      for (const filter of [{ reason: 'unsubscribe' }, { category: 'bulk' }, { address: ada }] as const)
        expect((await list.list(tenant, filter, { limit: 9 })).items).toMatchObject([unsubscribed]);
    });

    test('keeps tenants apart: what one has, another neither sees, nor removes, nor is held back by', async () => {
      const { tenant, other, list, all, reasonFor } = open();
      const { suppression } = await list.add(tenant, bounce);
      expect([await all(other), await reasonFor(ada, 'bulk', other)]).toEqual([[], undefined]);
      expect(await list.remove(other, suppression.id, anEntry({ tenant: other }))).toBe(false);
      expect(await all()).toEqual([suppression]);
      expect(await list.remove(tenant, suppression.id, anEntry({ tenant }))).toBe(true);
      expect(await list.remove(tenant, suppression.id, anEntry({ tenant }))).toBe(false);
      expect(await reasonFor(ada, 'bulk')).toBeUndefined();
    });

    test('writes the audit entry in the transaction that changes something, without the address', async () => {
      const { tenant, list, all, entries } = open();
      const { suppression } = await list.add(tenant, bounce, anEntry({ tenant, action: 'suppression.add' }));
      await list.remove(tenant, suppression.id, anEntry({ tenant, action: 'suppression.remove' }));
      const details = { category: 'all', reason: 'bounce' };
      expect(await entries()).toMatchObject([
        { action: 'suppression.remove', target: suppression.id, details },
        { action: 'suppression.add', target: suppression.id, details },
      ]);
      expect(JSON.stringify(await entries())).not.toContain('example.com');
      const unwritable = anEntry({ tenant, actor: null as unknown as string });
      await expect(list.add(tenant, bounce, unwritable)).rejects.toMatchObject({ code: 'database_unavailable' });
      expect(await all()).toEqual([]);
    });

    test('answers many who ask at the same time, each for itself', async () => {
      const { tenant, other, list, reasonFor } = open();
      await list.addAll(tenant, [bounce, unsubscribed]);
      const asked = ['ada@example.com', 'bob@example.com', 'ADA@example.com'].flatMap((address) => [
        reasonFor(address, 'bulk'),
        reasonFor(address, 'transactional'),
        reasonFor(address, 'bulk', other),
      ]);
      const nobody = [undefined, undefined, undefined];
      expect(await Promise.all(asked)).toEqual(['unsubscribe', 'bounce', undefined, ...nobody, 'unsubscribe', 'bounce', undefined]);
    });

    test('goes with its tenant, and nobody can unsubscribe from who is gone', async () => {
      const { tenant, db, list, all } = open();
      expect(await list.unsubscribe(tenant, ada)).toBe(false);
      await createTenantSecrets(db).mac(tenant, 'recipient', ada);
      for (let time = 0; time < 2; time++) expect(await list.unsubscribe(tenant, ada)).toBe(true);
      expect(await all()).toMatchObject([unsubscribed]);
      await removeTenant(db, tenant);
      expect(await list.unsubscribe(tenant, ada)).toBe(false);
      expect(await all()).toEqual([]);
      expect(await knownTenants(db)).not.toContain(tenant);
    });
  });

  describe('a message that was sent', () => {
    const jobOf = (tenant: string) => newJobId('email', tenant, 'sent');
    async function sent(tenant: string, response: string) {
      const db = database();
      const ledger = withProviderNames(createDeliveries(db), db);
      const messageId = `<${jobOf(tenant)}@example.org>`;
      const [claim] = await ledger.claim([{ tenant, jobId: jobOf(tenant), seq: 0, messageId, recipientHash: `hash of ${tenant}` }], {
        newCall: true,
      });
      if (claim === undefined) throw new Error('no claim');
      await ledger.settle(claim, { state: 'sent', response, provider: 'x' });
      return { db, ledger, claim, messageId, find: (...names: string[]) => createDeliveryLookup(db).find(names) };
    }

    test.each(['SES 0102018f-a1b2', 'Resend 56761188-7520', 'Postmark 883953f4-6105'])(
      'is found by our name for it and by that of the service (%s)',
      async (name) => {
        const { tenant, other } = open();
        const { find, messageId, ledger, claim } = await sent(tenant, name);
        const found = [{ tenant, recipientHash: `hash of ${tenant}` }];
        expect([await find(messageId), await find(name), await find('unknown', name)]).toEqual([found, found, found]);
        expect([await find(), await find('unknown'), await find('\0'), await find(name.toLowerCase())]).toEqual([[], [], [], []]);
        // Once more, and for another message: the first one keeps the name.
        await ledger.settle(claim, { state: 'sent', response: name, provider: 'x' });
        await sent(other, name);
        expect(await find(name)).toEqual(found);
        await removeTenant(database(), tenant);
        expect(await find(messageId, name)).toEqual([]);
        await removeTenant(database(), other);
      },
    );

    test('by a mail server has no name but ours, whatever the server answers', async () => {
      const { tenant } = open();
      const { db } = await sent(tenant, '250 OK SES 0102');
      expect(await db.selectFrom('providerMessages').selectAll().where('jobId', '=', jobOf(tenant)).execute()).toEqual([]);
    });

    test('is forgotten with its delivery', async () => {
      const { tenant } = open();
      const { db, ledger, find } = await sent(tenant, 'SES old');
      await sql`update provider_messages set created_at = now() - interval '91 days' where name = 'SES old'`.execute(db);
      await ledger.sweep();
      expect(await find('SES old')).toEqual([]);
      expect(await db.selectFrom('providerMessages').select('name').where('name', '=', 'SES old').execute()).toEqual([]);
    });
  });
}
