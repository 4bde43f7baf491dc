import { hashLabels } from './labels.ts';
import { type JobOptions, startTimeOf } from './options.ts';
import type { RunOptions } from './definition.ts';
import type { TenantKeys } from './tenant-keys.ts';

/** Of a submission's `options`, as Temporal needs them. */
export interface StartOptions extends Pick<RunOptions, 'ttlSeconds' | 'retry'> {
  startAt?: Date;
  /** 1 first … 5 last. Default 3. */
  priority?: number;
  labels?: Record<string, string>;
  /** The labels as Temporal may know them: opaque. */
  labelHashes?: string[];
}

/**
 * @param place of the options within the request: a JSON pointer. Default: `/options`.
 * @throws AppError `start_in_past`, `value_out_of_range`, `database_unavailable` (only with labels).
 */
export async function startOptionsOf(
  options: JobOptions,
  { now, tenant, tenantKeys, place }: { now: number; tenant: string; tenantKeys: TenantKeys; place?: string },
): Promise<StartOptions> {
  const { ttlSeconds, priority, labels, retry } = options;
  const startAt = startTimeOf(options, now, place);
  return {
    ...(startAt && { startAt }),
    ...(ttlSeconds !== undefined && { ttlSeconds }),
    ...(priority !== undefined && { priority }),
    ...(labels && { labels, labelHashes: await hashLabels(tenantKeys, tenant, labels) }),
    ...(retry && { retry }),
  };
}
