/** A part of what may be used in one window, taken out of a budget that several processes share. */
export interface LeaseRequest {
  /** What is limited, and whose it is. */
  name: string;
  subject: string;
  /** Number of the window, counted from 1970. */
  window: number;
  limit: number;
  want: number;
}

export interface LeaseSource {
  /** Grants at most `want`, less towards the end of the budget, and 0 once all of it is used or leased. */
  lease(request: LeaseRequest): Promise<{ granted: number; used: number }>;
}

export interface BudgetStanding {
  allowed: boolean;
  limit: number;
  remaining: number;
  resetSeconds: number;
}

export interface RequestBudgets {
  /** Uses one. It waits only while this process has nothing leased. */
  take(name: string, subject: string, limit: number): Promise<BudgetStanding>;
  /** As far as this process knows, in the window that runs. */
  used(name: string, subject: string): number;
}

export const windowMs = 60_000;
/** While leases can't be had every process may use this part of the limit by itself. */
const localShare = 0.25;
/** No lease is larger than this part of the limit: it would lie unused at a process that has nothing more to do. */
const mostOf = (limit: number) => Math.max(1, Math.ceil(limit / 20));
/** Between two attempts while leases can't be had, in milliseconds. */
const retryMs = 1_000;
/** A lease should last about this long, in milliseconds. */
const [tooShortMs, tooLongMs] = [500, 2_000];
/** Bounds the memory; whoever is forgotten leases anew. */
const capacity = 20_000;

interface Budget {
  window: number;
  limit: number;
  /** Leased and not yet used. */
  left: number;
  /** Leased, and given up. */
  dropped: number;
  /** By all processes, what they have leased included, when it was last told. */
  used: number;
  /** There is nothing more to lease. */
  empty: boolean;
  /** Used without a lease. */
  local: number;
  want: number;
  leasedAt: number;
  asking: Promise<void> | undefined;
}

/** A lease that was had under a higher limit: only what fits under the lower one may still be used. */
function fit(budget: Budget): void {
  const spent = budget.used - budget.left - budget.dropped;
  const left = Math.min(budget.left, Math.max(0, budget.limit - spent));
  budget.dropped += budget.left - left;
  budget.left = left;
}

/**
 * How many requests are used up, in fixed windows of a minute. What all processes together use never exceeds the limit: each
 * spends only what it has leased, about as much as it needs for a second, and leases again before that is gone.
 */
export function createRequestBudgets(source: LeaseSource, now: () => number = Date.now): RequestBudgets {
  const budgets = new Map<string, Budget>();
  let [away, nextAttempt] = [false, 0];

  function budgetOf(key: string, limit: number): Budget {
    const window = Math.floor(now() / windowMs);
    let budget = budgets.get(key);
    if (budget?.window !== window) {
      if (budgets.size >= capacity) budgets.clear();
      const want = budget?.want ?? Math.max(1, Math.ceil(limit / 100));
      budget = { window, limit, left: 0, dropped: 0, used: 0, empty: false, local: 0, want, leasedAt: now(), asking: undefined };
      budgets.set(key, budget);
    }
    if (budget.limit !== limit) fit(Object.assign(budget, { limit, empty: false }));
    return budget;
  }

  async function ask(budget: Budget, name: string, subject: string): Promise<void> {
    const [{ window, limit }, lasted] = [budget, now() - budget.leasedAt];
    if (lasted < tooShortMs) budget.want = Math.min(budget.want * 2, mostOf(limit));
    else if (lasted > tooLongMs) budget.want = Math.max(1, Math.floor(budget.want / 2));
    try {
      const { granted, used } = await source.lease({ name, subject, window, limit, want: budget.want });
      away = false;
      const left = budget.left + granted;
      fit(Object.assign(budget, { used, left, leasedAt: now(), empty: granted === 0 && budget.limit === limit }));
    } catch {
      [away, nextAttempt] = [true, now() + retryMs];
    }
  }

  /** Never rejects. */
  function refill(budget: Budget, name: string, subject: string): Promise<void> {
    budget.asking ??= ask(budget, name, subject).finally(() => {
      budget.asking = undefined;
    });
    return budget.asking;
  }

  function standing({ limit, left, used }: Budget, allowed: boolean): BudgetStanding {
    const resetSeconds = Math.ceil((windowMs - (now() % windowMs)) / 1_000);
    return { allowed, limit, remaining: allowed ? Math.max(left, limit - used + left) : 0, resetSeconds };
  }

  return {
    async take(name, subject, limit) {
      const key = `${name} ${subject}`;
      for (;;) {
        const budget = budgetOf(key, limit);
        if (budget.left > 0) {
          budget.left--;
          if (!budget.empty && !away && budget.left <= budget.want / 2) refill(budget, name, subject).catch(() => undefined);
          return standing(budget, true);
        }
        if (budget.empty) return standing(budget, false);
        if (away) {
          if (now() >= nextAttempt) refill(budget, name, subject).catch(() => undefined);
          const allowed = budget.local < Math.ceil(limit * localShare);
          if (allowed) budget.local++;
          return standing(budget, allowed);
        }
        await refill(budget, name, subject);
      }
    },

    used(name, subject) {
      const budget = budgets.get(`${name} ${subject}`);
      return budget?.window === Math.floor(now() / windowMs) ? Math.max(0, budget.used - budget.left - budget.dropped + budget.local) : 0;
    },
  };
}
