import type { z } from 'zod';

import type { ErrorCode } from '../errors.ts';
import type { DataSources } from './data-sources.ts';
import type { TemplateVersions } from './email-templates.ts';
import type { FileStore, StagedFile, StoredFile } from './files.ts';
import type { Line } from './lines.ts';
import type { NewNote } from './messages.ts';
import type { RetryOptions } from './options.ts';
import type { Progress } from './progress.ts';
import type { ReadQuery } from './query-check.ts';
import type { PresetStore } from './upload-presets.ts';
import type { RecipientList } from './recipient-list.ts';
import type { ReadCsv } from './recipient-sources.ts';
import type { Definitions } from './report-definitions.ts';

/** Something too large for a payload, by reference (claim check). */
export interface FileReference {
  file: StoredFile;
}

/** What the workflow needs of the options of a submission. */
export interface RunOptions {
  /** RFC 3339. */
  startAt?: string;
  ttlSeconds?: number;
  retry?: RetryOptions;
  /** Workflow Id of the limit on concurrent jobs that it is under. Default: under none. */
  limitedBy?: string;
}

/** The one argument of every workflow. */
export interface JobArgs<Input> {
  tenant: string;
  input: Input;
  options?: RunOptions;
  /** Of a run that goes on where another one has stopped, so that no history gets too long. */
  continued?: Continued;
}

/** What a run leaves to the next one. */
export interface Continued {
  /** Of the job type. */
  state: unknown;
  /** RFC 3339: when the steps of the first run began. */
  beganAt: string;
  /** As it was changed before the job began. */
  priority?: number;
  redrives: number;
  notes: NewNote[];
  /** Under a limit on concurrent jobs. */
  place?: { placed: boolean; firstAt?: string };
}

/** A file part of a multipart request, not yet committed. */
export interface ReceivedPart {
  staged: StagedFile;
  /** Last path segment of the client's file name. */
  name: string;
  declaredType: string | undefined;
}

export interface Submission {
  tenant: string;
  jobId: string;
  /** RFC 3339. */
  createdAt: string;
  files: FileStore;
  /** E-mail templates of the tenant. */
  templates: TemplateVersions;
  /** Default: there are none. */
  dataSources?: Pick<DataSources, 'find'>;
  /** Report definitions of the tenant. Default: there are none. */
  definitions?: Definitions;
  /** For queries of reports. Default: they are read when the job runs. */
  readQuery?: ReadQuery;
  /** Upload presets of the tenant. */
  presets?: Pick<PresetStore, 'find'> | undefined;
  /** Whether there is a virus scanner. Default: there is none. */
  scanning?: boolean;
  /** HANDOFF_MAX_MESSAGE_BYTES. */
  maxMessageBytes?: number;
  /** HANDOFF_PUBLIC_URL: where links in e-mails begin. */
  publicUrl?: string | undefined;
  /** Present for job types with `body: 'multipart'`. */
  part?: ReceivedPart;
  /** Present for job types with `gather`: what that has made. */
  list?: RecipientList;
}

/** For what is too large to be looked at in one go. */
export interface Gathering {
  tenant: string;
  files: Pick<FileStore, 'find' | 'read'>;
  readCsv: ReadCsv;
  templates: TemplateVersions;
  /** Within the tenant's limit. */
  stage: (bytes: AsyncIterable<Uint8Array>) => Promise<StagedFile>;
  /** As requests are checked. @param at JSON pointer to the value. @throws AppError `invalid_request`, `secret_in_request`. */
  check: <T>(schema: z.ZodType<T>, value: unknown, at: string) => T;
  /** What follows the first line of a request in `application/x-ndjson`. */
  lines?: AsyncIterable<Line>;
}

export interface EmailCost {
  count: number;
  /** To what makes them so many, in the request. */
  pointer: string;
}

/** Everything that HTTP and the job client must know of a job type. Adding one: `docs/adding-a-job-type.md`. */
export interface JobType<Request, Input, Result> {
  /** First part of the job id, and `type` of the job resource. */
  readonly type: string;
  /** Collection that takes submissions, below `/v1`. */
  readonly path: string;
  /** `json or lines`: also `application/x-ndjson`, whose first line is the request. */
  readonly body: 'json' | 'multipart' | 'json or lines';
  /** An object without the field `options`, which every submission takes. */
  readonly request: z.ZodObject & z.ZodType<Request>;
  /** What `present` gives, for the OpenAPI document and generated clients. Default: anything. */
  readonly result?: z.ZodType;
  /** Codes that `prepare` may throw beside `invalid_request`, for the same. */
  readonly problems?: readonly ErrorCode[];
  /** For `body: 'json or lines'`: of each line but the first. */
  readonly maxLineBytes?: number;
  /** Reads and checks what is too large for a request, in one pass, before the job is charged for. @throws AppError; nothing is left behind then. */
  gather?(request: Request, gathering: Gathering): Promise<RecipientList>;
  /** Checks what a schema can't, stores what is too large for a payload. @throws AppError; nothing is left behind then. */
  prepare(request: Request, submission: Submission): Promise<Input>;
  /**
   * For `body: 'multipart'`: what another `request` changes in the input of a scheduled job, whose file stays. Without it the
   * request of such a job can't be changed.
   */
  revise?(request: Request): Partial<Input>;
  /** One line for the Web UI. No personal data: it is not encrypted in every set-up. */
  summary(input: Input): string;
  /** How many e-mails it sends: what they count against the tenant's limit. Default: none. */
  emails?(request: Request, list?: RecipientList): EmailCost;
  /** Known up front, for jobs whose steps are too short to heartbeat: progress is then counted in finished steps. */
  steps?(input: Input): Pick<Progress, 'unit' | 'stage'> & { total: number };
  /** Files within a result, so that HTTP can put links beside them. */
  present(result: Result, link: (file: StoredFile) => LinkedFile): unknown;
}

/** A file as HTTP shows it. */
export interface LinkedFile extends Omit<StoredFile, 'linkSeconds'> {
  links: { self: string; content: string };
}
