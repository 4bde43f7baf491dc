import type { AuditLog } from '../../src/jobs/audit.ts';
import type { LimitLevel, LimitName, LimitSettings, LimitValues } from '../../src/jobs/limits.ts';
import type { EmailCounter } from '../../src/limits/email-budget.ts';
import type { LimitDependencies } from '../../src/limits/limits.ts';
import { createMemoryLeases } from '../../src/limits/memory-leases.ts';

export interface TestLimits extends LimitDependencies {
  readonly values: Record<LimitLevel, LimitValues>;
  /** E-mails that are charged. */
  readonly sent: { count: number };
}

/** Limits in memory, of every tenant the same; without changes there are none. */
export function testLimits(changes: Partial<LimitDependencies> = {}, audit?: Pick<AuditLog, 'record'>): TestLimits {
  const values: Record<LimitLevel, LimitValues> = { ceiling: {}, own: {} };
  const sent = { count: 0 };
  const settings: LimitSettings = {
    read: () => Promise.resolve(structuredClone(values)),
    async set(tenant, level, all, entry) {
      await audit?.record({ ...entry, tenant });
      for (const [name, value] of Object.entries(all) as [LimitName, number | null][])
        if (value === null) Reflect.deleteProperty(values[level], name);
        else values[level][name] = value;
    },
  };
  const emails: EmailCounter = {
    add(_tenant, _day, count, limit) {
      const fits = sent.count + count <= limit;
      if (fits) sent.count += count;
      return Promise.resolve(fits);
    },
    takeBack(_tenant, _day, count) {
      sent.count -= count;
      return Promise.resolve();
    },
    used: () => Promise.resolve(sent.count),
  };
  return {
    ...{ values, sent, settings, emails, leases: createMemoryLeases() },
    ...{ storedBytes: () => Promise.resolve(0), openJobs: () => Promise.resolve(0), backlog: () => Promise.resolve(0) },
    limitChanged: () => Promise.resolve(),
    ...{ defaults: {}, keylessRequestsPerMinute: 1_000_000, maxBacklog: 0 },
    ...changes,
  };
}
