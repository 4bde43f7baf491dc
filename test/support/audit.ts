import { AppError } from '../../src/errors.ts';
import type { AuditEntry, AuditLog, AuditRecord } from '../../src/jobs/audit.ts';

/** Accepted, without anything that may be missing, but for the changes. */
export function anEntry(changes: Partial<AuditEntry> = {}): AuditEntry {
  const nothing = { target: null, reason: null, details: null, address: null, requestId: null };
  return { tenant: 'acme', actor: 'key_of_a_test', action: 'job.cancel', outcome: 'accepted', ...nothing, ...changes };
}

export interface TestAuditLog extends AuditLog {
  /** In the order in which they came. */
  readonly entries: (AuditRecord & { tenant: string })[];
  /** As if the database were away, for writing and for reading. */
  away: boolean;
}

/** In memory, with the pages of the real one. */
export function testAuditLog(): TestAuditLog {
  const log: TestAuditLog = {
    entries: [],
    away: false,
    async record(entry) {
      await assertThere();
      const number = log.entries.length;
      log.entries.push({ ...entry, id: `aud_${String(number).padStart(26, '0')}`, at: new Date(Date.UTC(2026, 10, 22, 12) + number) });
    },
    async list(tenant, { action, actor, target, after, before }, { limit, from }) {
      await assertThere();
      const fitting = log.entries
        .filter((entry) => entry.tenant === tenant)
        .filter((entry) => action === undefined || entry.action === action)
        .filter((entry) => actor === undefined || entry.actor === actor)
        .filter((entry) => target === undefined || entry.target === target)
        .filter(({ at }) => (after === undefined || at >= after) && (before === undefined || at < before))
        .reverse();
      const [start, end] = [Number(from ?? 0), Number(from ?? 0) + limit];
      return { items: fitting.slice(start, end), next: end < fitting.length ? String(end) : null };
    },
  };
  const assertThere = async (): Promise<void> => {
    await Promise.resolve();
    if (log.away) throw new AppError('database_unavailable', 'The database does not answer.', { retryable: true, retryAfterSeconds: 5 });
  };
  return log;
}
