import type { AuditLog } from '../../src/jobs/audit.ts';
import { newSuppressionId } from '../../src/jobs/ids.ts';
import type { NewSuppression, Suppression, SuppressionList } from '../../src/jobs/suppressions.ts';

export interface TestSuppressions extends SuppressionList {
  /** Oldest first. */
  readonly all: (Suppression & { tenant: string })[];
  /** Tenants of whom nothing is known. */
  readonly gone: Set<string>;
}

const shown = ({ id, address, category, reason, note, createdAt }: Suppression): Suppression => ({
  id,
  address,
  category,
  reason,
  note,
  createdAt,
});

/** In memory, with the pages of the real one. */
export function testSuppressions(audit?: Pick<AuditLog, 'record'>): TestSuppressions {
  const keep = (tenant: string, { note, ...one }: NewSuppression) => {
    const { address, category, reason } = one;
    const there = list.all.find(
      (each) => each.tenant === tenant && each.address === address && each.category === category && each.reason === reason,
    );
    const kept = there ?? { ...one, id: newSuppressionId(tenant), note: note ?? null, createdAt: new Date(list.all.length), tenant };
    if (there === undefined) list.all.push(kept);
    return { added: there === undefined, suppression: shown(kept) };
  };
  const list: TestSuppressions = {
    all: [],
    gone: new Set(),
    async add(tenant, one, entry) {
      const { category, reason } = one;
      const kept = keep(tenant, one);
      try {
        if (entry !== undefined) await audit?.record({ ...entry, target: kept.suppression.id, details: { category, reason } });
      } catch (error) {
        if (kept.added) list.all.pop();
        throw error;
      }
      return kept;
    },
    addAll: (tenant, all) => Promise.resolve(all.filter((one) => keep(tenant, one).added).length),
    async remove(tenant, id, entry) {
      const index = list.all.findIndex((each) => each.tenant === tenant && each.id === id);
      if (index === -1) return false;
      const [{ category, reason } = { category: 'all', reason: 'manual' }] = list.all.slice(index, index + 1);
      await audit?.record({ ...entry, target: id, details: { category, reason } });
      list.all.splice(index, 1);
      return true;
    },
    list(tenant, { address, reason, category }, { limit, from }) {
      const fitting = list.all
        .filter((each) => each.tenant === tenant && (address === undefined || each.address === address))
        .filter((each) => (reason === undefined || each.reason === reason) && (category === undefined || each.category === category))
        .map(shown)
        .reverse();
      const [start, end] = [Number(from ?? 0), Number(from ?? 0) + limit];
      return Promise.resolve({ items: fitting.slice(start, end), next: end < fitting.length ? String(end) : null });
    },
    unsubscribe(tenant, address) {
      if (list.gone.has(tenant)) return Promise.resolve(false);
      keep(tenant, { address, category: 'bulk', reason: 'unsubscribe' });
      return Promise.resolve(true);
    },
  };
  return list;
}
