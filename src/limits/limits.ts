import { AppError } from '../errors.ts';
import type { EmailCost } from '../jobs/definition.ts';
import type { CountLimit, LimitName, Limits, LimitsByLevel, LimitSettings, LimitValues, RequestVerdict, Standing } from '../jobs/limits.ts';
import { concurrencyIn, createEffectiveLimits, lowerOf, namesIn } from './effective-limits.ts';
import { dayMs, type EmailCounter } from './email-budget.ts';
import { createKeylessRequests } from './keyless-requests.ts';
import { createOpenJobs } from './open-jobs.ts';
import { createOverloadGuard } from './overload.ts';
import { type BudgetStanding, createRequestBudgets, type LeaseSource, windowMs } from './request-budgets.ts';
import { createStorageRoom } from './storage-room.ts';

export interface LimitDependencies {
  settings: LimitSettings;
  leases: LeaseSource;
  emails: EmailCounter;
  /** What a tenant's files have together, in bytes. */
  storedBytes: (tenant: string) => Promise<number>;
  /** How many jobs of a tenant have not ended. */
  openJobs: (tenant: string) => Promise<number>;
  /** How many tasks wait for a worker. */
  backlog: () => Promise<number>;
  /** Tells those who wait that a limit on concurrent jobs is another one; undefined: none. */
  limitChanged: (tenant: string, type: string, limit: number | undefined) => Promise<void>;
  /** Ceilings of tenants for which no operator has set one. */
  defaults: LimitValues;
  keylessRequestsPerMinute: number;
  /** 0: any number. */
  maxBacklog: number;
  now?: () => number;
}

/** When to look again whether a job has ended or a file was deleted, in seconds. */
const lookAgainSeconds = { openJobs: 5, storedBytes: 60 };

const told: Record<Exclude<CountLimit, 'requestsPerMinute'>, string> = {
  openJobs: 'jobs that have not ended',
  storedBytes: 'bytes in files',
  emailsPerDay: 'e-mails on one day (UTC)',
};

export function createLimits({ settings, leases, emails, storedBytes, defaults, now = Date.now, ...given }: LimitDependencies): Limits {
  const refusals = { requestsPerMinute: 0, keyRequestsPerMinute: 0, keylessRequestsPerMinute: 0, openJobs: 0 };
  const refused: Record<string, number> = { ...refusals, storedBytes: 0, emailsPerDay: 0, backlog: 0 };
  const count = (name: string) => (refused[name] = (refused[name] ?? 0) + 1);

  async function readAll(tenant: string): Promise<LimitsByLevel> {
    const { ceiling, own } = await settings.read(tenant);
    return { ceiling: { ...defaults, ...ceiling }, own };
  }
  const effective = createEffectiveLimits(readAll, now);
  const limitsOf = async (tenant: string): Promise<LimitValues> => (await effective.of(tenant)) ?? defaults;
  const budgets = createRequestBudgets(leases, now);
  const keyless = createKeylessRequests(given.keylessRequestsPerMinute, now);
  const openJobs = createOpenJobs(given.openJobs, now);
  const assertAccepting = createOverloadGuard(given.backlog, given.maxBacklog, now);

  interface Refusal {
    retryAfterSeconds: number;
    pointer?: string | undefined;
    retryable?: boolean;
  }
  function exceeded(limit: keyof typeof told, most: number, { retryAfterSeconds, pointer, retryable = true }: Refusal): AppError {
    count(limit);
    const detail = `The limit is ${String(most)} ${told[limit]}.`;
    const errors = pointer === undefined ? {} : { errors: [{ pointer, detail: `exceeds the limit ${limit}` }] };
    return new AppError('limit_exceeded', detail, { retryable, retryAfterSeconds, limit, ...errors });
  }

  const room = createStorageRoom({
    limitOf: async (tenant) => (await limitsOf(tenant)).storedBytes,
    stored: storedBytes,
    refuse: (limit, pointer) => exceeded('storedBytes', limit, { retryAfterSeconds: lookAgainSeconds.storedBytes, pointer }),
  });

  /** @returns takes it back. */
  async function addEmails(tenant: string, { count: more, pointer }: EmailCost, limit: number | undefined): Promise<() => void> {
    if (limit === undefined || more === 0) return () => undefined;
    const at = now();
    const day = Math.floor(at / dayMs);
    // More than a whole day's will not be taken tomorrow, either.
    const retryable = more <= limit;
    if (!retryable || !(await emails.add(tenant, day, more, limit)))
      throw exceeded('emailsPerDay', limit, { retryAfterSeconds: Math.ceil((dayMs - (at % dayMs)) / 1_000), pointer, retryable });
    // One that is lost counts until the day is over.
    return () => void emails.takeBack(tenant, day, more).catch(() => undefined);
  }

  async function request(name: string, policy: string, subject: string, limit: number | undefined): Promise<RequestVerdict> {
    if (limit === undefined) return { allowed: true, standings: [] };
    const standing = await budgets.take(name, subject, limit);
    if (!standing.allowed) count(name);
    return { allowed: standing.allowed, standings: [standingOf(policy, standing)] };
  }

  return {
    async request({ tenant, keyId, requestsPerMinute }) {
      const ofKey = await request('keyRequestsPerMinute', 'requests-of-key', keyId, requestsPerMinute);
      if (!ofKey.allowed) return ofKey;
      const { requestsPerMinute: limit } = await limitsOf(tenant);
      const ofTenant = await request('requestsPerMinute', 'requests', tenant, limit);
      return { allowed: ofTenant.allowed, standings: [...ofTenant.standings, ...ofKey.standings] };
    },

    keyless(address) {
      const { giveBack, ...standing } = keyless.take(address);
      if (!standing.allowed) count('keylessRequestsPerMinute');
      return { allowed: standing.allowed, standings: [standingOf('requests-without-key', standing)], giveBack };
    },

    assertAccepting() {
      try {
        assertAccepting();
      } catch (error) {
        count('backlog');
        throw error;
      }
    },

    of: limitsOf,
    ...concurrencyIn(effective),
    assertRoom: (tenant, bytes, pointer) => room.assert(tenant, bytes, pointer),
    files: (tenant, files, pointer) => room.files(tenant, files, pointer),

    async charge(tenant, { jobs = 0, emails: more = { count: 0, pointer: '' } }) {
      const { openJobs: mostJobs, emailsPerDay } = await limitsOf(tenant);
      const place = mostJobs === undefined || jobs === 0 ? () => undefined : await openJobs.take(tenant, mostJobs);
      if (place === undefined) throw exceeded('openJobs', mostJobs ?? 0, { retryAfterSeconds: lookAgainSeconds.openJobs });
      try {
        const takeBack = await addEmails(tenant, more, emailsPerDay);
        return {
          settle(done) {
            place(done);
            if (!done) takeBack();
          },
        };
      } catch (error) {
        place(false);
        throw error;
      }
    },

    async standingOf(tenant) {
      const levels = await readAll(tenant);
      const values = lowerOf(levels);
      const day = Math.floor(now() / dayMs);
      const [open, stored, sent] = await Promise.all([
        values.openJobs === undefined ? undefined : openJobs.count(tenant),
        values.storedBytes === undefined ? undefined : storedBytes(tenant),
        values.emailsPerDay === undefined ? undefined : emails.used(tenant, day),
      ]);
      const used = {
        ...(values.requestsPerMinute !== undefined && { requestsPerMinute: budgets.used('requestsPerMinute', tenant) }),
        ...(open !== undefined && { openJobs: open }),
        ...(stored !== undefined && { storedBytes: stored }),
        ...(sent !== undefined && { emailsPerDay: sent }),
      };
      return { ...levels, effective: values, used };
    },

    async set(tenant, changes, entry) {
      const before = await readAll(tenant);
      const { ceiling } = before;
      const above = namesIn(changes as LimitValues).filter((name) => (changes[name] ?? 0) > (ceiling[name] ?? Infinity));
      const errors = above.map((name) => ({ pointer: pointerTo(name), detail: `is above the ceiling of ${String(ceiling[name])}` }));
      const [first] = errors;
      if (first !== undefined) throw new AppError('value_out_of_range', `${first.pointer}: ${first.detail}`, { errors });
      await settings.set(tenant, 'own', changes, entry);
      effective.forget(tenant);
      const [old, values] = [lowerOf(before), lowerOf(await readAll(tenant))];
      for (const name of namesIn(changes as LimitValues)) {
        const [, type] = name.split('concurrentJobs.');
        // Whoever waits goes on at once; if it can't be told, at its next look.
        if (type !== undefined && old[name] !== values[name]) await given.limitChanged(tenant, type, values[name]).catch(() => undefined);
      }
    },

    refusals: () => refused,
  };
}

const pointerTo = (name: LimitName) => `/${name.replace('.', '/')}`;

function standingOf(policy: string, { limit, remaining, resetSeconds }: BudgetStanding): Standing {
  return { policy, limit, remaining, resetSeconds, windowSeconds: windowMs / 1_000 };
}
