import { type Request, type Response, Router } from 'express';
import { z } from 'zod';

import { AppError, invalid } from '../errors.ts';
import type { JobClient } from '../jobs/client.ts';
import type { FileStore, PresignedFiles } from '../jobs/files.ts';
import { newJobId, newUploadId, prefixOfOwnId } from '../jobs/ids.ts';
import type { Job } from '../jobs/job.ts';
import type { Limits } from '../jobs/limits.ts';
import {
  assertAsTold,
  assertTakable,
  completeBy,
  presignedFields,
  presignedNote,
  type PresignedNote,
  presignedSeconds,
  unavailable,
} from '../jobs/presigned-upload.ts';
import { startOptionsOf } from '../jobs/start-options.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import type { PresetStore } from '../jobs/upload-presets.ts';
import { tenantOf } from './authentication.ts';
import { declaredJson, parsedJson } from './json-body.ts';
import { plainName } from './file-name.ts';
import { problems } from './problem.ts';
import { route } from './routes.ts';
import type { RefuseSecrets } from './secrets-in-request.ts';
import type { Outcome, SubmitReceived } from './submitting.ts';
import { uploadType } from './upload-type.ts';
import { validated } from './validation.ts';
import type { Waiting } from './waiting.ts';

export interface PresignedDependencies {
  jobs: Pick<JobClient, 'get' | 'assertReachable'>;
  files: FileStore;
  limits: Limits;
  presets: PresetStore;
  tenantKeys: TenantKeys;
  /** In bytes. */
  maxUploadBytes: number;
  refuseSecrets: RefuseSecrets;
  submitReceived: SubmitReceived;
  waiting: Waiting;
}

const body = z.strictObject({ ...presignedFields, request: z.unknown().optional() });
const noSuchUpload = () => new AppError('not_found', 'There is no such upload.');
const notPut = () => new AppError('upload_not_received', 'Nothing was uploaded to the signed address yet.');
const tooLate = () => new AppError('presigned_expired', 'It was not completed in time. Ask for another signed address.');

/** Uploads whose bytes go to the storage by themselves, and are taken from there. */
export function presignedUploads(dependencies: PresignedDependencies): Router {
  const { jobs, files, limits, presets, tenantKeys, maxUploadBytes, refuseSecrets, submitReceived, waiting } = dependencies;

  /** Everything that can be refused before there are bytes. */
  async function checked(tenant: string, sent: unknown, most: number): Promise<PresignedNote> {
    const { request = {}, name, ...told } = validated(body, sent);
    refuseSecrets(sent);
    const { options = {}, ...asked } = validated(uploadType.submission, request, ['request']);
    const now = Date.now();
    await startOptionsOf(options, { now, tenant, tenantKeys, place: '/request/options' });
    if (told.size > most) throw invalid('/size', `is more than ${String(most)} bytes`, 'payload_too_large');
    await assertTakable(told, asked, { tenant, presets });
    limits.assertAccepting();
    await limits.assertRoom(tenant, told.size, '/size');
    return { tenant, name: plainName(name), ...told, request, completeBy: completeBy(now) };
  }

  async function open(request: Request, response: Response): Promise<void> {
    const { presigned } = files;
    if (presigned === undefined) throw unavailable();
    const tenant = tenantOf(response);
    const note = await checked(tenant, request.body, Math.min(maxUploadBytes, presigned.maxBytes));
    const id = newUploadId(tenant);
    const expiresAt = new Date(Date.now() + presignedSeconds * 1_000).toISOString();
    const upload = await presigned.open(id, { ...note, expiresInSeconds: presignedSeconds }, JSON.stringify(note));
    response.status(201).json({ id, upload, expiresAt, links: { complete: `/v1/uploads/presigned/${id}/complete` } });
  }

  async function noteOf(presigned: PresignedFiles, tenant: string, id: string): Promise<PresignedNote> {
    const text = await presigned.note(id);
    const note = text === undefined ? undefined : presignedNote.parse(JSON.parse(text));
    if (note?.tenant !== tenant) throw noSuchUpload();
    return note;
  }

  async function submit(presigned: PresignedFiles, id: string, jobId: string, note: PresignedNote): Promise<Outcome> {
    const { tenant, name, contentType, request } = note;
    if (note.completeBy < Date.now()) throw tooLate();
    const staged = await presigned.stage(id, { maxBytes: maxUploadBytes });
    if (staged === undefined) throw notPut();
    try {
      assertAsTold(staged, note);
    } catch (error) {
      await staged.discard();
      throw error;
    }
    const submitted = { type: uploadType, tenant, jobId, key: keyOf(id), parents: ['request'] };
    return submitReceived(submitted, { part: { staged, name, declaredType: contentType }, request });
  }

  /** What was put is of no use any more; what can't be removed now is swept later. */
  async function settled(presigned: PresignedFiles, id: string, work: Promise<Outcome>): Promise<Outcome> {
    const forget = () => presigned.remove(id).catch(() => undefined);
    const outcome = await work.catch(async (error: unknown) => {
      if (error instanceof AppError && problems[error.code].status === 400) await forget();
      throw error;
    });
    await forget();
    return outcome;
  }

  async function complete(request: Request, response: Response): Promise<void> {
    const [tenant, id] = [tenantOf(response), String(request.params['id'])];
    if (prefixOfOwnId(id, tenant) !== 'presigned') throw noSuchUpload();
    if (files.presigned === undefined) throw unavailable();
    jobs.assertReachable();
    const presigned = limits.files(tenant, files, '/file').presigned ?? files.presigned;
    const note = await noteOf(presigned, tenant, id);
    const jobId = newJobId(uploadType.type, tenant, keyOf(id));
    const earlier: Job | undefined = await jobs.get(tenant, jobId);
    const { started, job } = earlier ? { started: false, job: earlier } : await settled(presigned, id, submit(presigned, id, jobId, note));
    if (!started) response.set('Idempotency-Replayed', 'true');
    await waiting.answer(request, response, job);
  }

  const router = Router();
  route(router, '/uploads/presigned', { post: ['submit', declaredJson, parsedJson, open] });
  route(router, '/uploads/presigned/:id/complete', { post: ['submit', complete] });
  return router;
}

/** Whoever completes it again finds the same job. With a space in it, no client can send it as its Idempotency-Key. */
const keyOf = (id: string) => `presigned ${id}`;
