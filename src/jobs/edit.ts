import { invalid } from '../errors.ts';
import type { DataSources } from './data-sources.ts';
import type { Submission } from './definition.ts';
import type { TemplateVersions } from './email-templates.ts';
import type { FileStore } from './files.ts';
import type { Job } from './job.ts';
import { hashLabels } from './labels.ts';
import type { Edit } from './messages.ts';
import { type ChangedOptions, startTimeOf } from './options.ts';
import type { AnyJobType } from './registry.ts';
import type { TenantKeys } from './tenant-keys.ts';
import type { PresetStore } from './upload-presets.ts';

export interface Change {
  type: AnyJobType;
  job: Job;
  options: ChangedOptions;
  /** Validated; without it the input stays. */
  request?: unknown;
}

interface Surroundings extends Pick<Submission, 'definitions' | 'readQuery'> {
  /** Milliseconds since 1970. */
  now: number;
  tenant: string;
  tenantKeys: TenantKeys;
  files: FileStore;
  templates: TemplateVersions;
  dataSources?: Pick<DataSources, 'find'>;
  presets?: Pick<PresetStore, 'find'>;
  maxMessageBytes?: number;
  publicUrl?: string | undefined;
}

async function inputOf(
  { type, job, request }: Change,
  { tenant, files, templates, dataSources, definitions, readQuery, presets, maxMessageBytes, publicUrl }: Surroundings,
): Promise<Pick<Edit, 'input' | 'merge'>> {
  if (request === undefined) return {};
  if (type.body === 'json')
    return {
      input: await type.prepare(request, {
        ...{ tenant, jobId: job.id, createdAt: job.createdAt.toISOString(), files, templates, publicUrl, presets },
        ...(dataSources && { dataSources }),
        ...(definitions && { definitions }),
        ...(readQuery && { readQuery }),
        ...(maxMessageBytes !== undefined && { maxMessageBytes }),
      }),
    };
  // Its recipients would have to be gathered and counted anew.
  if (type.revise === undefined) throw invalid('/request', 'cannot be changed for this job type');
  return { input: type.revise(request), merge: true };
}

/** A change of a scheduled job, as its workflow takes it. @throws AppError `start_in_past`, and as the type's `prepare`. */
export async function editOf(change: Change, surroundings: Surroundings): Promise<Edit> {
  const { options, type } = change;
  const { now, tenant, tenantKeys } = surroundings;
  const asked = startTimeOf(options, now);
  const moved = options.startAt !== undefined || options.delaySeconds !== undefined;
  const startAt = moved ? (asked ?? new Date(now)).toISOString() : undefined;
  const { ttlSeconds, priority, labels } = options;
  const input = await inputOf(change, surroundings);
  const plan = input.input === undefined || input.merge === true ? undefined : type.steps?.(input.input);
  return {
    ...(startAt !== undefined && { startAt }),
    ...(ttlSeconds !== undefined && { ttlSeconds }),
    ...input,
    ...(labels && { labels: await hashLabels(tenantKeys, tenant, labels) }),
    ...(priority !== undefined && { priority }),
    memo: {
      ...(startAt !== undefined && { startAt }),
      ...(ttlSeconds !== undefined && { ttlSeconds }),
      ...(priority !== undefined && { priority }),
      ...(labels && { labels }),
      ...(plan && { plan: { ...plan, done: 0 } }),
    },
  };
}
