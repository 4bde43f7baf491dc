import type { LinkedFile } from '../jobs/definition.ts';
import type { StoredFile } from '../jobs/files.ts';
import type { Job } from '../jobs/job.ts';
import { jobTypes } from '../jobs/registry.ts';
import type { JobType } from '../jobs/definition.ts';
import { problemOfJob } from './problem.ts';

export function fileLinks(id: string): LinkedFile['links'] {
  return { self: `/v1/files/${id}`, content: `/v1/files/${id}/content` };
}

const linked = ({ id, name, contentType, size, sha256 }: StoredFile): LinkedFile => ({
  id,
  name,
  contentType,
  size,
  sha256,
  links: fileLinks(id),
});

const time = (date: Date | null) => date?.toISOString() ?? null;

/** The job resource of docs/http.md. */
export function presentJob(job: Job, workflowUrl: ((jobId: string) => string) | undefined) {
  const type = jobTypes[job.workflow] as JobType<unknown, unknown, unknown>;
  return {
    id: job.id,
    type: job.type,
    status: job.status,
    createdAt: time(job.createdAt),
    startedAt: time(job.startedAt),
    finishedAt: time(job.finishedAt),
    attempt: job.attempt,
    progress: job.progress,
    result: job.result === null ? null : type.present(job.result, linked),
    error: job.error && problemOfJob(job.error),
    labels: {},
    links: {
      self: `/v1/jobs/${job.id}`,
      ...(workflowUrl && { temporal: workflowUrl(job.id) }),
    },
  };
}
