import { type Request, type RequestHandler, Router } from 'express';

import { AppError } from '../errors.ts';
import type { JobClient } from '../jobs/client.ts';
import type { Gathering } from '../jobs/definition.ts';
import type { DataSources } from '../jobs/data-sources.ts';
import type { TemplateVersions } from '../jobs/email-templates.ts';
import type { FileStore } from '../jobs/files.ts';
import { fingerprintOf } from '../jobs/fingerprint.ts';
import { newJobId } from '../jobs/ids.ts';
import type { Job } from '../jobs/job.ts';
import { charged, isRefusal, type Limits } from '../jobs/limits.ts';
import type { ReadQuery } from '../jobs/query-check.ts';
import type { RecipientList } from '../jobs/recipient-list.ts';
import type { ReadCsv } from '../jobs/recipient-sources.ts';
import { allJobTypes, type AnyJobType } from '../jobs/registry.ts';
import type { DefinitionStore } from '../jobs/report-definitions.ts';
import { startOptionsOf } from '../jobs/start-options.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import type { PresetStore } from '../jobs/upload-presets.ts';
import { tenantOf } from './authentication.ts';
import { declaredJson, parsedJson } from './json-body.ts';
import { declaredJsonOrLines, isNdjson, receiveLines } from './line-body.ts';
import { maxOverhead, type Received, receiveMultipart } from './multipart.ts';
import type { Presenter } from './presentation.ts';
import type { RefuseSecrets } from './secrets-in-request.ts';
import { route } from './routes.ts';
import { pointerOf, validated } from './validation.ts';
import type { Waiting } from './waiting.ts';

export interface SubmissionDependencies {
  jobs: JobClient;
  files: FileStore;
  limits: Limits;
  templateVersions: TemplateVersions;
  dataSources: Pick<DataSources, 'find'>;
  definitions: DefinitionStore;
  readQuery: ReadQuery;
  presets: PresetStore;
  /** In bytes. */
  maxUploadBytes: number;
  /** In bytes. */
  maxMessageBytes: number;
  /** HANDOFF_PUBLIC_URL. Default: links in e-mails are refused. */
  publicUrl?: string | undefined;
  presenter: Presenter;
  tenantKeys: TenantKeys;
  waiting: Waiting;
  refuseSecrets: RefuseSecrets;
  readCsv: ReadCsv;
}

const maxKeyLength = 255;

/** @throws AppError `invalid_idempotency_key`. */
export function idempotencyKey(request: Request): string | undefined {
  const key = request.get('Idempotency-Key');
  if (key === undefined) return undefined;
  if (!/^[\x21-\x7e]+$/.test(key) || key.length > maxKeyLength)
    throw new AppError('invalid_idempotency_key', 'Idempotency-Key: must be 1 to 255 printable ASCII characters without spaces.', {
      errors: [{ pointer: '#header:Idempotency-Key', detail: 'must be 1 to 255 printable ASCII characters without spaces' }],
    });
  return key;
}

const declaredMultipart: RequestHandler = (request, _response, next) => {
  if (!request.is('multipart/form-data')) throw new AppError('unsupported_media_type', 'Send Content-Type: multipart/form-data.');
  next();
};

interface Submitted {
  type: AnyJobType;
  tenant: string;
  jobId: string;
  key: string | undefined;
}

async function receive(
  { type, tenant, jobId, key }: Submitted,
  request: Request,
  { files, jobs, limits, maxUploadBytes }: SubmissionDependencies,
): Promise<Received> {
  if (type.body === 'json or lines' && isNdjson(request))
    return { part: undefined, ...(await receiveLines(request, { maxBytes: maxUploadBytes, maxLineBytes: type.maxLineBytes ?? 0 })) };
  if (type.body !== 'multipart') return { part: undefined, request: request.body };
  // Nothing is stored for a job that is there already; but its body must be compared, even where there is no room for it.
  const limited = (await limits.of(tenant)).storedBytes !== undefined;
  const again = limited && key !== undefined && (await jobs.get(tenant, jobId)) !== undefined;
  if (again) return receiveMultipart(request, files, maxUploadBytes);
  await limits.assertRoom(tenant, Math.max(1, Number(request.get('Content-Length') ?? 0) - maxOverhead), '/file');
  return receiveMultipart(request, limits.files(tenant, files, '/file'), maxUploadBytes);
}

/** Of something that a tenant names, and that may have changed or gone since. */
const isOfVersion = (error: unknown) =>
  error instanceof AppError &&
  (['template_not_found', 'definition_not_found', 'preset_not_found', 'file_not_found', 'file_not_accepted'].includes(error.code) ||
    /^\/(template|parameters|definition)(\/|$)/.test(error.errors?.[0]?.pointer ?? ''));

/** What the type wants to have looked at before anything is charged for; whoever asks discards it. */
async function gathered(
  { type, tenant, asked }: Pick<Submitted, 'type' | 'tenant'> & { asked: unknown },
  lines: Gathering['lines'],
  { files, limits, readCsv, refuseSecrets, templateVersions: templates }: SubmissionDependencies,
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

/** `POST` of one job type: validate, store what is large, start the workflow, answer 202 once Temporal has it. */
function submit(type: AnyJobType, dependencies: SubmissionDependencies): RequestHandler {
  const { jobs, limits, tenantKeys, waiting, refuseSecrets } = dependencies;
  return async (request, response) => {
    const tenant = tenantOf(response);
    const key = idempotencyKey(request);
    const jobId = newJobId(type.type, tenant, key);
    jobs.assertReachable();
    if (key === undefined) limits.assertAccepting();
    const received = await receive({ type, tenant, jobId, key }, request, dependencies);
    let list: RecipientList | undefined;
    let job: Job;
    try {
      const now = Date.now();
      const createdAt = new Date(now).toISOString();
      const parents = type.body === 'multipart' ? ['request'] : [];
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
          const given = { ...(received.part && { part: received.part }), ...(list && { list }) };
          const around = { files, templates, definitions, presets, readQuery, dataSources, maxMessageBytes, publicUrl };
          const input = await type.prepare(asked, { tenant, jobId, createdAt, ...around, ...given });
          return jobs.start({ jobId, type, tenant, createdAt, input, fingerprint: fingerprint(), options: startOptions });
        });
      };
      // A second file must not be stored under a key that is taken, and a start time may be past that was none when the key was new.
      const earlier = received.part || type.gather || options.startAt !== undefined ? await replayed() : undefined;
      const outcome = earlier
        ? { started: false, job: earlier }
        : await start().catch(async (error: unknown) => {
            // A limit, or a template or definition that has changed since, holds up new work, not the answer to what was taken before.
            const job = isRefusal(error) || isOfVersion(error) ? await replayed() : undefined;
            if (job === undefined) throw error;
            return { started: false, job };
          });
      if (!outcome.started) response.set('Idempotency-Replayed', 'true');
      job = outcome.job;
    } finally {
      await received.part?.staged.discard();
      await list?.staged.discard();
      received.end?.();
    }
    await waiting.answer(request, response, job);
  };
}

function readersOf({ body }: AnyJobType): RequestHandler[] {
  if (body === 'multipart') return [declaredMultipart];
  return body === 'json' ? [declaredJson, parsedJson] : [declaredJsonOrLines, parsedJson];
}

/** One collection a job type, whatever types there are. */
export function submissions(dependencies: SubmissionDependencies): Router {
  const router = Router();
  for (const type of allJobTypes)
    route(router, type.path, {
      post: ['submit', ...readersOf(type), submit(type, dependencies)],
    });
  return router;
}
