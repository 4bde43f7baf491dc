import { z } from 'zod';

/** The defaults of what a tenant may use. */
export interface LimitSettings {
  /** Ceilings of tenants for which none is set; undefined: not limited. */
  readonly requestsPerMinute: number;
  readonly openJobs: number | undefined;
  readonly storedBytes: number | undefined;
  readonly emailsPerDay: number | undefined;
  /** Of one address. */
  readonly keylessRequestsPerMinute: number;
  /** Of tasks that wait for a worker; 0: any number. */
  readonly maxBacklog: number;
}

const natural = (fallback: number) => z.coerce.number().int().min(1).default(fallback);
const count = z.coerce.number().int().min(0);

export const limitVariables = {
  HANDOFF_LIMIT_REQUESTS_PER_MINUTE: natural(120_000),
  HANDOFF_LIMIT_OPEN_JOBS: count.optional(),
  HANDOFF_LIMIT_STORED_BYTES: count.optional(),
  HANDOFF_LIMIT_EMAILS_PER_DAY: count.optional(),
  HANDOFF_LIMIT_KEYLESS_REQUESTS_PER_MINUTE: natural(600),
  HANDOFF_MAX_BACKLOG: count.default(100_000),
};

export function limitsOf(values: z.infer<z.ZodObject<typeof limitVariables>>): LimitSettings {
  return {
    requestsPerMinute: values.HANDOFF_LIMIT_REQUESTS_PER_MINUTE,
    openJobs: values.HANDOFF_LIMIT_OPEN_JOBS,
    storedBytes: values.HANDOFF_LIMIT_STORED_BYTES,
    emailsPerDay: values.HANDOFF_LIMIT_EMAILS_PER_DAY,
    keylessRequestsPerMinute: values.HANDOFF_LIMIT_KEYLESS_REQUESTS_PER_MINUTE,
    maxBacklog: values.HANDOFF_MAX_BACKLOG,
  };
}
