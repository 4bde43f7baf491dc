import type { WorkflowType } from './registry.ts';

/** What Visibility can tell apart: its `running` covers `queued`, `retrying` and `cancelling`. */
export const listedStatuses = ['scheduled', 'running', 'dead_lettered', 'completed', 'failed', 'cancelled', 'expired'] as const;
export type ListedStatus = (typeof listedStatuses)[number];

export interface VisibilityFilter {
  /** Whose jobs: never left out. */
  tenant: string;
  /** Any of these. Not only jobs carry a tenant, so this is never left out either. */
  workflows: readonly WorkflowType[];
  /** Any of these. Default: all. */
  statuses?: readonly ListedStatus[];
  /** All of these, as `hashLabel` gives them. */
  labelHashes?: readonly string[];
  /** Inclusive. */
  createdAfter?: Date;
  /** Exclusive. */
  createdBefore?: Date;
}

/**
 * The only way for a value into a query. Nothing that could end a literal is let through, rather than escaped: stores differ in
 * what they take for an escape.
 * @throws a plain Error: whatever gets here has been checked or made by us, so it is a defect.
 */
export function quoted(value: string): string {
  if (!/^[A-Za-z0-9_.:-]{1,128}$/.test(value)) throw new Error('A value is not fit for a Visibility query');
  return `'${value}'`;
}

const open = `ExecutionStatus = ${quoted('Running')}`;
const closed = (...statuses: string[]) => `ExecutionStatus IN (${statuses.map(quoted).join(', ')})`;
const handoffState = (state: string) => `HandoffState = ${quoted(state)}`;

/** The counterpart of `statusOf`. A run that ended while it was scheduled or parked may keep that state: it never decides alone. */
const clauses: Record<ListedStatus, string> = {
  scheduled: `${open} AND ${handoffState('scheduled')}`,
  running: `${open} AND HandoffState IS NULL`,
  dead_lettered: `${open} AND ${handoffState('dead_lettered')}`,
  completed: closed('Completed'),
  failed: `${closed('Failed', 'Terminated', 'TimedOut')} AND (HandoffState IS NULL OR HandoffState != ${quoted('expired')})`,
  cancelled: closed('Canceled'),
  expired: `${closed('Failed')} AND ${handoffState('expired')}`,
};

const unique = (values: readonly string[]) => [...new Set(values)].sort();

/** None of none is no filter that anybody meant. @throws a plain Error for an empty list. */
function someOf<T>(values: readonly T[], what: string): readonly T[] {
  if (values.length === 0) throw new Error(`A Visibility query for no ${what}`);
  return values;
}

/** The same text for the same filter, however it is ordered. */
export function visibilityQuery({ tenant, workflows, statuses, labelHashes = [], createdAfter, createdBefore }: VisibilityFilter): string {
  const asked = statuses && listedStatuses.filter((status) => statuses.includes(status));
  return [
    `HandoffTenant = ${quoted(tenant)}`,
    `WorkflowType IN (${unique(someOf(workflows, 'workflow')).map(quoted).join(', ')})`,
    ...(asked
      ? [
          `(${someOf(asked, 'status')
            .map((status) => `(${clauses[status]})`)
            .join(' OR ')})`,
        ]
      : // A long job has several runs: only the last one stands for it.
        [`ExecutionStatus != ${quoted('ContinuedAsNew')}`]),
    ...unique(labelHashes).map((hash) => `HandoffLabels = ${quoted(hash)}`),
    ...(createdAfter ? [`StartTime >= ${quoted(createdAfter.toISOString())}`] : []),
    ...(createdBefore ? [`StartTime < ${quoted(createdBefore.toISOString())}`] : []),
  ].join(' AND ');
}
