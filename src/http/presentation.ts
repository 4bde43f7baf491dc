import type { JobType, LinkedFile } from '../jobs/definition.ts';
import { fileLinksOf } from '../jobs/file-links.ts';
import type { FileFacts, StoredFile } from '../jobs/files.ts';
import type { DeadLetter, Job, JobStatus, JobSummary, ReasonClass } from '../jobs/job.ts';
import type { Progress } from '../jobs/progress.ts';
import { jobTypes } from '../jobs/registry.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import { type Problem, problemOfJob } from './problem.ts';

/** The job resource of docs/http.md. Times are RFC 3339. */
export interface JobResource {
  id: string;
  type: string;
  status: JobStatus;
  createdAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  attempt: number | null;
  progress: Progress | null;
  /** Per type; files in it have signed links. */
  result: unknown;
  error: Problem | null;
  startAt: string | null;
  expiresAt: string | null;
  priority: number;
  maximumAttempts: number | null;
  nextAttemptAt: string | null;
  deadLetter: DeadLetterResource | null;
  stuck: boolean;
  stuckReason: string | null;
  notes: { at: string; text: string }[];
  labels: Record<string, string>;
  links: JobLinks;
}

/** A line of a list. */
export type SummaryResource = Pick<
  JobResource,
  'id' | 'type' | 'status' | 'createdAt' | 'startAt' | 'finishedAt' | 'priority' | 'labels' | 'deadLetter' | 'links'
>;

export interface DeadLetterResource {
  step: string;
  reasonClass: ReasonClass;
  attempts: number | null;
  redrives: number;
  since: string;
  closesAt: string;
  error: Problem;
}

export interface JobLinks {
  self: string;
  events: string;
  cancel: string;
  retry: string;
  discard: string;
  explain: string;
  temporal?: string;
}

export interface FileResource extends LinkedFile {
  /** RFC 3339. */
  createdAt: string;
  jobId: string;
  downloads: number;
  maxDownloads: number | null;
  lastDownloadedAt: string | null;
  state: FileFacts['state'];
  rejection: FileFacts['rejection'];
  checks: FileFacts['checks'];
}

/** Turns what we know into what HTTP shows. Equal for a while for an equal job, as a rule within the hour: links to files expire on round times. */
export interface Presenter {
  /** @throws AppError `database_unavailable`; not for a job without a result. */
  job(job: Job, tenant: string): Promise<JobResource>;
  summary(job: JobSummary): SummaryResource;
  /** @throws AppError `database_unavailable`. */
  files(files: readonly FileFacts[], tenant: string): Promise<FileResource[]>;
}

export interface PresenterOptions {
  tenantKeys: TenantKeys;
  /** Where Temporal's Web UI shows a workflow. */
  workflowUrl: ((jobId: string) => string) | undefined;
  /** In milliseconds. */
  now?: () => number;
}

const time = (date: Date | null) => date?.toISOString() ?? null;

function deadLetterResource(deadLetter: DeadLetter | null): DeadLetterResource | null {
  if (deadLetter === null) return null;
  const { since, closesAt, error, ...facts } = deadLetter;
  return { ...facts, since: since.toISOString(), closesAt: closesAt.toISOString(), error: problemOfJob(error) };
}

export function createPresenter({ tenantKeys, workflowUrl, now = Date.now }: PresenterOptions): Presenter {
  async function linkerOf(tenant: string): Promise<(file: StoredFile) => LinkedFile> {
    const linksOf = await fileLinksOf(tenantKeys, tenant).shown(now());
    return (file) => {
      const { id, name, contentType, size, sha256, expiresAt } = file;
      return { id, name, contentType, size, sha256, ...(expiresAt !== undefined && { expiresAt }), links: linksOf(file) };
    };
  }

  function jobLinks(id: string): JobLinks {
    const self = `/v1/jobs/${id}`;
    const actions = { cancel: `${self}/cancel`, retry: `${self}/retry`, discard: `${self}/discard` };
    return { self, events: `${self}/events`, ...actions, explain: `${self}/explain`, ...(workflowUrl && { temporal: workflowUrl(id) }) };
  }

  return {
    async job(job, tenant) {
      const type = jobTypes[job.workflow] as JobType<unknown, unknown, unknown>;
      return {
        id: job.id,
        type: job.type,
        status: job.status,
        createdAt: job.createdAt.toISOString(),
        startedAt: time(job.startedAt),
        finishedAt: time(job.finishedAt),
        attempt: job.attempt,
        maximumAttempts: job.maximumAttempts,
        nextAttemptAt: time(job.nextAttemptAt),
        progress: job.progress,
        result: job.result === null ? null : type.present(job.result, await linkerOf(tenant)),
        error: job.error && problemOfJob(job.error),
        deadLetter: deadLetterResource(job.deadLetter),
        stuck: job.stuck !== null,
        stuckReason: job.stuck?.reason ?? null,
        notes: job.notes.map(({ at, text }) => ({ at: at.toISOString(), text })),
        startAt: time(job.startAt),
        expiresAt: time(job.expiresAt),
        priority: job.priority,
        labels: job.labels,
        links: jobLinks(job.id),
      };
    },
    summary: ({ id, type, status, createdAt, startAt, finishedAt, priority, labels, deadLetter }) => ({
      id,
      type,
      status,
      createdAt: createdAt.toISOString(),
      startAt: time(startAt),
      finishedAt: time(finishedAt),
      priority,
      labels,
      deadLetter: deadLetterResource(deadLetter),
      links: jobLinks(id),
    }),
    async files(all, tenant) {
      const link = await linkerOf(tenant);
      return all.map((file) => ({
        ...link(file),
        createdAt: file.createdAt.toISOString(),
        jobId: file.jobId,
        downloads: file.downloads,
        maxDownloads: file.maxDownloads,
        lastDownloadedAt: time(file.lastDownloadedAt),
        state: file.state,
        rejection: file.rejection,
        checks: file.checks,
      }));
    },
  };
}
