import { AppError } from '../errors.ts';
import type { ConcurrencyLimits } from '../jobs/concurrency.ts';
import type { LimitName, LimitsByLevel, LimitSettings, LimitValues } from '../jobs/limits.ts';

/** How long limits are kept: a change counts within this time, at every process. In milliseconds. */
const freshMs = 5_000;
/** After this they are read again, while requests go on with what is known. In milliseconds. */
const renewMs = 2_500;
/** Bounds the memory. */
const capacity = 10_000;

export interface EffectiveLimits {
  /** The last known while the database is away; `undefined`: it is, and they were never known. */
  of: (tenant: string) => Promise<LimitValues | undefined>;
  /** Reads them again when they are asked for next. */
  forget(tenant: string): void;
}

export const namesIn = (values: LimitValues) => Object.keys(values) as LimitName[];

/** What the tenant has set, or the ceiling where that is lower. */
export function lowerOf({ ceiling, own }: LimitsByLevel): LimitValues {
  const names = new Set([...namesIn(ceiling), ...namesIn(own)]);
  return Object.fromEntries([...names].map((name) => [name, Math.min(ceiling[name] ?? Infinity, own[name] ?? Infinity)]));
}

/** Kept in memory: of a tenant that is active nobody waits for the database twice. */
export function createEffectiveLimits(read: (tenant: string) => Promise<LimitsByLevel>, now: () => number = Date.now): EffectiveLimits {
  const known = new Map<string, { values: LimitValues | undefined; at: number }>();
  const asking = new Map<string, Promise<LimitValues | undefined>>();

  function ask(tenant: string): Promise<LimitValues | undefined> {
    const asked = asking.get(tenant);
    if (asked !== undefined) return asked;
    // From before the answer: what changes meanwhile may not be in it.
    const at = now();
    const answer: Promise<LimitValues | undefined> = read(tenant)
      .then(lowerOf, () => known.get(tenant)?.values)
      .then((values) => {
        // Forgotten meanwhile: the answer may be from before the change.
        if (asking.get(tenant) !== answer) return values;
        asking.delete(tenant);
        if (known.size >= capacity) known.clear();
        known.set(tenant, { values, at });
        return values;
      });
    asking.set(tenant, answer);
    return answer;
  }

  return {
    async of(tenant) {
      const found = known.get(tenant);
      const age = found === undefined ? Infinity : now() - found.at;
      if (found === undefined || age >= freshMs) return ask(tenant);
      if (age >= renewMs) ask(tenant).catch(() => undefined);
      return found.values;
    },
    forget(tenant) {
      known.delete(tenant);
      asking.delete(tenant);
    },
  };
}

/** From what `createEffectiveLimits` gives. Where nobody knows, no job may pass for one without a limit. */
export function concurrencyIn({ of }: Pick<EffectiveLimits, 'of'>): ConcurrencyLimits {
  return {
    async concurrentJobs(tenant, type) {
      const values = await of(tenant);
      if (values === undefined)
        throw new AppError('database_unavailable', 'The database does not answer.', { retryable: true, retryAfterSeconds: 5 });
      return values[`concurrentJobs.${type}`];
    },
  };
}

/** For workers. */
export const createConcurrencyLimits = ({ read }: Pick<LimitSettings, 'read'>): ConcurrencyLimits =>
  concurrencyIn(createEffectiveLimits(read));
