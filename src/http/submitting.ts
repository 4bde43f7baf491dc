import { AppError } from '../errors.ts';
import type { JobClient } from '../jobs/client.ts';
import type { DataSources } from '../jobs/data-sources.ts';
import type { Gathering } from '../jobs/definition.ts';
import type { TemplateVersions } from '../jobs/email-templates.ts';
import type { FileStore } from '../jobs/files.ts';
import { fingerprintOf } from '../jobs/fingerprint.ts';
import type { Job } from '../jobs/job.ts';
import { charged, isRefusal, type Limits } from '../jobs/limits.ts';
import type { ReadQuery } from '../jobs/query-check.ts';
import type { RecipientList } from '../jobs/recipient-list.ts';
import type { ReadCsv } from '../jobs/recipient-sources.ts';
import type { AnyJobType } from '../jobs/registry.ts';
import type { DefinitionStore } from '../jobs/report-definitions.ts';
import { startOptionsOf } from '../jobs/start-options.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import type { PresetStore } from '../jobs/upload-presets.ts';
import type { Received } from './multipart.ts';
import type { RefuseSecrets } from './secrets-in-request.ts';
import { pointerOf, validated } from './validation.ts';

export interface SubmittingDependencies {
  jobs: JobClient;
  files: FileStore;
  limits: Limits;
  templateVersions: TemplateVersions;
  dataSources: Pick<DataSources, 'find'>;
  definitions: DefinitionStore;
  readQuery: ReadQuery;
  presets: PresetStore;
  /** Whether there is a virus scanner. Default: there is none. */
  scanning?: boolean;
  /** In bytes. */
  maxMessageBytes: number;
  /** HANDOFF_PUBLIC_URL. Default: links in e-mails are refused. */
  publicUrl?: string | undefined;
  tenantKeys: TenantKeys;
  refuseSecrets: RefuseSecrets;
  readCsv: ReadCsv;
}

export interface Submitted {
  type: AnyJobType;
  tenant: string;
  /** Made of `key`, where there is one: whoever comes again with it finds the same job. */
  jobId: string;
  key: string | undefined;
  /** Where `request` is in what the client sent, for pointers. */
  parents: readonly string[];
}

export interface Outcome {
  /** False: the job was there already. */
  started: boolean;
  job: Job;
}

/** Validates, stores what is large, starts the workflow. Ends what was received, whatever happens. */
export type SubmitReceived = (submitted: Submitted, received: Received) => Promise<Outcome>;

/** Of something that a tenant names, and that may have changed or gone since. */
const isOfVersion = (error: unknown) =>
  error instanceof AppError &&
  (['template_not_found', 'definition_not_found', 'preset_not_found', 'file_not_found', 'file_not_accepted'].includes(error.code) ||
    /^\/(template|parameters|definition)(\/|$)/.test(error.errors?.[0]?.pointer ?? ''));

/** What the type wants to have looked at before anything is charged for; whoever asks discards it. */
async function gathered(
  { type, tenant, asked }: Pick<Submitted, 'type' | 'tenant'> & { asked: unknown },
  lines: Gathering['lines'],
  { files, limits, readCsv, refuseSecrets, templateVersions: templates }: SubmittingDependencies,
): Promise<RecipientList | undefined> {
  const room = limits.files(tenant, files, '/recipients');
  return type.gather?.(asked, {
    tenant,
    files,
    readCsv,
    templates,
    stage: (bytes) => room.stage(bytes),
    check: (schema, value, at) => {
      const path = at.split('/').slice(1);
      const checked = validated(schema, value, path);
      refuseSecrets(value, path);
      return checked;
    },
    ...(lines && { lines }),
  });
}

/** What every way of handing in a job ends in, once its bytes are here. */
export function createSubmitting(dependencies: SubmittingDependencies): SubmitReceived {
  const { jobs, limits, tenantKeys, refuseSecrets } = dependencies;
  return async ({ type, tenant, jobId, key, parents }, received) => {
    let list: RecipientList | undefined;
    try {
      const now = Date.now();
      const createdAt = new Date(now).toISOString();
      const { options = {}, ...asked } = validated(type.submission, received.request, parents);
      refuseSecrets(received.request, parents);
      const fingerprint = () =>
        fingerprintOf(
          received.request,
          received.lines && list ? { staged: list.staged, name: '', declaredType: undefined } : received.part,
        );
      const replayed = async () => (key === undefined ? undefined : jobs.earlier({ jobId, type, fingerprint: fingerprint() }));
      if (received.lines) list = await gathered({ type, tenant, asked }, received.lines, dependencies);
      const start = async () => {
        limits.assertAccepting();
        const startOptions = await startOptionsOf(options, { now, tenant, tenantKeys, place: pointerOf([...parents, 'options']) });
        const files = limits.files(tenant, dependencies.files);
        list ??= await gathered({ type, tenant, asked }, undefined, dependencies);
        // Before anything is stored: what is refused leaves nothing behind.
        return charged(limits, { tenant, jobs: 1, emails: type.emails?.(asked, list) }, async () => {
          const { templateVersions: templates, definitions, presets, readQuery, maxMessageBytes, publicUrl, dataSources } = dependencies;
          const { scanning = false } = dependencies;
          const given = { ...(received.part && { part: received.part }), ...(list && { list }) };
          const around = { files, templates, definitions, presets, readQuery, dataSources, scanning, maxMessageBytes, publicUrl };
          const input = await type.prepare(asked, { tenant, jobId, createdAt, ...around, ...given });
          return jobs.start({ jobId, type, tenant, createdAt, input, fingerprint: fingerprint(), options: startOptions });
        });
      };
      // A second file must not be stored under a key that is taken, and a start time may be past that was none when the key was new.
      const earlier = received.part || type.gather || options.startAt !== undefined ? await replayed() : undefined;
      return earlier
        ? { started: false, job: earlier }
        : await start().catch(async (error: unknown) => {
            // A limit, or a template or definition that has changed since, holds up new work, not the answer to what was taken before.
            const job = isRefusal(error) || isOfVersion(error) ? await replayed() : undefined;
            if (job === undefined) throw error;
            return { started: false, job };
          });
    } finally {
      await received.part?.staged.discard();
      await list?.staged.discard();
      received.end?.();
    }
  };
}
