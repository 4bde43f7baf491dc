import { z } from 'zod';

import { invalid } from '../errors.ts';
import type { AuditDetails } from '../jobs/audit.ts';
import { actionable, type ActionableStatus, type AskedFilter, bulkActionKinds, type BulkOrder } from '../jobs/bulk-action.ts';
import { hashLabels } from '../jobs/labels.ts';
import { jobOptions } from '../jobs/options.ts';
import { allJobTypes } from '../jobs/registry.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import { discardRequest } from './job-actions.ts';
import { countQuery } from './job-filters.ts';

/** As in `GET /v1/jobs`. */
export const bulkFilter = z.strictObject({
  type: z.enum(allJobTypes.map(({ type }) => type)).optional(),
  status: z
    .enum(actionable.cancel)
    .optional()
    .meta({ description: 'Default: all that the action can be done to. `running` covers `queued` and `retrying`.' }),
  label: jobOptions.shape.labels.meta({ description: 'All of these pairs.', examples: [{ order: '42' }] }),
  createdAfter: countQuery.shape.createdAfter,
  createdBefore: countQuery.shape.createdBefore,
});

export const bulkRequest = z
  .strictObject({
    action: z.enum(bulkActionKinds).meta({ description: '`retry` and `discard` are for dead letters, `cancel` is for all open jobs.' }),
    filter: bulkFilter,
    reason: discardRequest.shape.reason.meta({ description: 'For `discard`.' }),
    dryRun: z.boolean().optional().meta({ default: false, description: 'Counts, and shows up to twenty ids; touches nothing.' }),
    ratePerSecond: z
      .number()
      .min(0.1)
      .max(100)
      .optional()
      .meta({ default: 10, description: 'Jobs that are acted on in a second, at most.' }),
  })
  .meta({
    id: 'BulkActionRequest',
    examples: [
      { action: 'retry', filter: { type: 'email', createdAfter: '2026-11-22T00:00:00Z' }, ratePerSecond: 50 },
      { action: 'discard', filter: { label: { order: '42' } }, reason: 'The order was cancelled.', dryRun: true },
    ],
  });

/** @throws AppError `invalid_filter`, `invalid_request`, `database_unavailable` (only with labels). */
export async function orderOf(asked: z.infer<typeof bulkRequest>, tenant: string, tenantKeys: TenantKeys): Promise<BulkOrder> {
  const { action, filter, reason, dryRun = false, ratePerSecond = 10 } = asked;
  const { type, status, label = {}, createdAfter, createdBefore } = filter;
  const possible: readonly ActionableStatus[] = actionable[action];
  if (status !== undefined && !possible.includes(status))
    throw invalid('/filter/status', `must be ${possible.join(' or ')} for ${action}`, 'invalid_filter');
  if (reason !== undefined && action !== 'discard') throw invalid('/reason', 'is for discard only');
  return {
    tenant,
    action,
    filter: {
      ...(type !== undefined && { type }),
      ...(createdAfter !== undefined && { createdAfter }),
      ...(createdBefore !== undefined && { createdBefore }),
      statuses: status === undefined ? possible : [status],
      labelHashes: await hashLabels(tenantKeys, tenant, label),
    },
    ...(reason !== undefined && { reason }),
    dryRun,
    ratePerSecond,
  };
}

/** For the audit log. Of the labels only the keys: values may be personal data. */
export function auditDetailsOf({ action, filter, dryRun, ratePerSecond }: BulkOrder, { label = {} }: AskedFilter): AuditDetails {
  const { type = null, statuses, createdAfter = null, createdBefore = null } = filter;
  return { action, dryRun, ratePerSecond, filter: { type, statuses, labels: Object.keys(label), createdAfter, createdBefore } };
}
