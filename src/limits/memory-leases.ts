import type { LeaseSource } from './request-budgets.ts';

/** The part of what is left that one lease may take: it shrinks with it, so that little lies unused in one place at the end. */
const mostOf = (left: number) => Math.ceil(left / 8);

/** Budgets of one process. */
export function createMemoryLeases(): LeaseSource {
  const budgets = new Map<string, { window: number; used: number }>();
  return {
    lease({ name, subject, window, limit, want }) {
      const key = `${name} ${subject}`;
      const known = budgets.get(key);
      const budget = known !== undefined && known.window >= window ? known : { window, used: 0 };
      const granted = Math.max(0, Math.min(want, mostOf(limit - budget.used)));
      budget.used += granted;
      budgets.set(key, budget);
      return Promise.resolve({ granted, used: budget.used });
    },
  };
}
