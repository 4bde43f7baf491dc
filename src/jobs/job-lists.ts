import type { Client } from '@temporalio/client';
// The client's own list gives no page tokens; this is how it reads a line.
import { executionInfoFromRaw } from '@temporalio/client/lib/helpers.js';

import { AppError } from '../errors.ts';
import { openCursor, sealCursor } from './cursor.ts';
import type { JobSummary } from './job.ts';
import { hashLabel } from './labels.ts';
import { summaryOf } from './listed-run.ts';
import { allJobTypes } from './registry.ts';
import type { TemporalCalls } from './temporal-calls.ts';
import type { TenantKeys } from './tenant-keys.ts';
import { type ListedStatus, listedStatuses, type VisibilityFilter, visibilityQuery } from './visibility-query.ts';

export interface JobFilter extends Pick<VisibilityFilter, 'statuses' | 'createdAfter' | 'createdBefore'> {
  /** Any of these job types. Default: all. */
  types?: readonly string[];
  /** All of these. */
  labels?: readonly { key: string; value: string }[];
}

export interface JobPage {
  /** In Temporal's order: open jobs first, latest start first; then finished ones, latest end first. */
  items: JobSummary[];
  /** null: there is no more. The last page may be empty. */
  nextCursor: string | null;
}

/** From Visibility: behind by moments, and limited by Temporal. @throws AppError `temporal_unavailable`, `database_unavailable`. */
export interface JobLists {
  /**
   * While a list is read, a job that ends may come twice; none that was there from the first page on is left out.
   * @param limit 1 to 200. @throws AppError `invalid_cursor` for one that was given to another tenant or for another filter.
   */
  list(tenant: string, filter: JobFilter, page: { limit: number; cursor?: string }): Promise<JobPage>;
  /** How many jobs of the tenant have not ended. */
  countOpen(tenant: string): Promise<number>;
  count(tenant: string, filter: Omit<JobFilter, 'statuses'>): Promise<Record<ListedStatus, number>>;
}

export function createJobLists({ look }: Pick<TemporalCalls, 'look'>, tenantKeys: TenantKeys): JobLists {
  const listing: typeof look = async (run) => {
    try {
      return await look(run);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'temporal_unavailable') throw error;
      const { retryable, retryAfterSeconds = 5 } = error;
      const message = 'Temporal gives no lists at the moment. A single job can still be asked for by its id.';
      throw new AppError('temporal_unavailable', message, { retryable, retryAfterSeconds, cause: error });
    }
  };

  return {
    async list(tenant, filter, { limit, cursor }) {
      const query = visibilityQuery(await visibilityFilter(tenantKeys, tenant, filter));
      const from = cursor === undefined ? undefined : await openCursor(tenantKeys, tenant, query, cursor);
      const { items, nextPageToken } = await listing(async (client) => {
        const { executions, nextPageToken } = await client.workflowService.listWorkflowExecutions({
          namespace: client.options.namespace,
          query,
          pageSize: limit,
          ...(from && { nextPageToken: from }),
        });
        const runs = await Promise.all(executions.map((raw) => decoded(client, raw)));
        const now = Date.now();
        return { items: runs.map((run) => summaryOf(run, now)), nextPageToken };
      });
      return { items, nextCursor: nextPageToken.length === 0 ? null : await sealCursor(tenantKeys, tenant, query, nextPageToken) };
    },

    async countOpen(tenant) {
      const filter = await visibilityFilter(tenantKeys, tenant, { statuses: ['scheduled', 'running', 'dead_lettered'] });
      return listing(async (client) => (await client.workflow.count(visibilityQuery(filter))).count);
    },

    async count(tenant, filter) {
      const all = await visibilityFilter(tenantKeys, tenant, filter);
      const counts = await listing((client) =>
        Promise.all(
          listedStatuses.map(async (status) => {
            const { count } = await client.workflow.count(visibilityQuery({ ...all, statuses: [status] }));
            return [status, count] as const;
          }),
        ),
      );
      return Object.fromEntries(counts) as Record<ListedStatus, number>;
    },
  };
}

type RawRun = Awaited<ReturnType<Client['workflowService']['listWorkflowExecutions']>>['executions'][number];

const decoded = ({ options }: Client, raw: RawRun) => executionInfoFromRaw(raw, options.loadedDataConverter, raw, options.namespace);

/** With labels as Temporal knows them. @throws AppError `database_unavailable`. */
async function visibilityFilter(tenantKeys: TenantKeys, tenant: string, filter: JobFilter): Promise<VisibilityFilter> {
  const { types, labels = [], ...rest } = filter;
  const asked = allJobTypes.filter(({ type }) => types === undefined || types.includes(type));
  const labelHashes = await Promise.all(labels.map(({ key, value }) => hashLabel(tenantKeys, tenant, key, value)));
  return { ...rest, tenant, workflows: asked.map(({ workflow }) => workflow), labelHashes };
}
