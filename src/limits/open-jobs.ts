/** How long a count is kept, in milliseconds. */
const keptMs = 2_000;
/** Bounds the memory. */
const capacity = 10_000;

interface Count {
  /** Of Visibility; undefined while nobody can tell. */
  counted: number | undefined;
  at: number;
  /** Accepted here since. */
  accepted: number;
  /** Being accepted. */
  inFlight: number;
  asking: Promise<void> | undefined;
}

export interface OpenJobs {
  /** How many there are, by now; `undefined` while nobody can tell. */
  count(tenant: string): Promise<number | undefined>;
  /** Reserves a place for one. @returns undefined: there is none; else settles it, whether there is a job now or not. */
  take(tenant: string, limit: number): Promise<((started: boolean) => void) | undefined>;
}

/** About how many jobs a tenant has open: what Visibility said up to two seconds ago, and what this process accepted since. */
export function createOpenJobs(ask: (tenant: string) => Promise<number>, now: () => number = Date.now): OpenJobs {
  const counts = new Map<string, Count>();

  function countOf(tenant: string): Count {
    let count = counts.get(tenant);
    if (count === undefined) {
      if (counts.size >= capacity) counts.clear();
      count = { counted: undefined, at: -Infinity, accepted: 0, inFlight: 0, asking: undefined };
      counts.set(tenant, count);
    }
    return count;
  }

  async function renew(count: Count, tenant: string): Promise<void> {
    const [at, before] = [now(), count.accepted];
    try {
      count.counted = await ask(tenant);
      count.accepted -= before;
    } catch {
      count.counted = undefined;
    }
    count.at = at;
  }

  async function fresh(tenant: string): Promise<Count> {
    const count = countOf(tenant);
    if (now() - count.at >= keptMs)
      await (count.asking ??= renew(count, tenant).finally(() => {
        count.asking = undefined;
      }));
    return count;
  }

  const sumOf = ({ counted, accepted, inFlight }: Count) => (counted === undefined ? undefined : counted + accepted + inFlight);

  return {
    count: async (tenant) => sumOf(await fresh(tenant)),

    async take(tenant, limit) {
      const count = await fresh(tenant);
      if ((sumOf(count) ?? -1) >= limit) return undefined;
      count.inFlight++;
      return (started) => {
        count.inFlight--;
        if (started) count.accepted++;
      };
    },
  };
}
