import type { AuditEntry, AuditLog } from '../jobs/audit.ts';

/** Of one actor, that get an entry. */
const mostPerMinute = 60;

/**
 * Records refusals, but not without bound: nothing is ever removed from the audit log, and a token in anybody's browser is
 * enough to be refused. What is beyond has its line in the request log only.
 */
export function createRefusals(audit: Pick<AuditLog, 'record'>, now: () => number = Date.now): (entry: AuditEntry) => Promise<void> {
  let minute = 0;
  let counts = new Map<string, number>();
  return async (entry) => {
    const current = Math.floor(now() / 60_000);
    if (current !== minute) {
      minute = current;
      counts = new Map();
    }
    const count = counts.get(entry.actor) ?? 0;
    if (count >= mostPerMinute) return;
    counts.set(entry.actor, count + 1);
    await audit.record(entry);
  };
}
