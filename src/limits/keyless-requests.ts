import { clientNetwork } from './client-network.ts';
import { type BudgetStanding, windowMs } from './request-budgets.ts';

/** Bounds the memory. Whoever has so many networks is not held up by a limit on each. */
const capacity = 100_000;

export interface KeylessRequests {
  take(address: string | undefined): BudgetStanding & { giveBack: () => void };
}

/** Requests without a valid key, by where they come from, in this process. */
export function createKeylessRequests(limit: number, now: () => number = Date.now): KeylessRequests {
  const counts = new Map<string, number>();
  let window = 0;
  return {
    take(address) {
      const at = now();
      const current = Math.floor(at / windowMs);
      if (window !== current || counts.size >= capacity) counts.clear();
      window = current;
      const network = clientNetwork(address ?? 'unknown');
      const used = counts.get(network) ?? 0;
      const allowed = used < limit;
      if (allowed) counts.set(network, used + 1);
      let given = !allowed;
      const resetSeconds = Math.ceil((windowMs - (at % windowMs)) / 1_000);
      return {
        ...{ allowed, limit, remaining: Math.max(0, limit - used - 1), resetSeconds },
        giveBack: () => {
          if (given || window !== current) return;
          given = true;
          counts.set(network, Math.max(0, (counts.get(network) ?? 0) - 1));
        },
      };
    },
  };
}
