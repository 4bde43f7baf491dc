import type { Readable } from 'node:stream';

import { AppError } from '../src/errors.ts';
import type { FileStore, StoredFile } from '../src/jobs/files.ts';
import type { ImageColours, ImageFacts, Omission, Rendition, Variant, VariantFormat, VariantRequest } from '../src/jobs/upload.ts';
import { currentAttempt, currentJobId } from './current-job.ts';
import { classified } from './failures.ts';
import { heartbeating } from './heartbeat.ts';

export interface RenderedVariant {
  /** In pixels. */
  width: number;
  height: number;
  /** Encoded as the variant asked. The same source and variant give the same bytes. null: not smaller than the source. */
  bytes: AsyncIterable<Uint8Array> | null;
}

export interface Looking {
  /** Of the source: what its bytes alone don't prove is believed. */
  contentType: string;
  signal?: AbortSignal;
}

/** Decodes pictures. Both methods own the source: it is read to its end or destroyed. */
export interface ImageEngine {
  /**
   * From the header alone; a picture that is broken further on shows in `render`. null: not an image that we decode.
   * @throws AppError `image_unreadable`, `image_too_large`, `decoder_failed`; what the source threw; the reason of `signal`.
   */
  inspect(source: Readable, options: Looking): Promise<ImageFacts | null>;
  /**
   * One decode for all of them: upright, in sRGB, never enlarged, without metadata.
   * @param options `take` is given one variant after the other, by its index. @throws as `inspect`, and what `take` threw.
   */
  render(
    source: Readable,
    variants: VariantRequest[],
    options: Looking & { take: (index: number, made: RenderedVariant) => Promise<void> },
  ): Promise<ImageColours>;
}

export interface UploadDependencies {
  images: ImageEngine;
  files: Pick<FileStore, 'read' | 'stage' | 'find'>;
  /** The same id for the same job and role. */
  fileIdFor: (jobId: string, role: string) => string;
}

export interface VariantsRequest {
  tenant: string;
  file: StoredFile;
  variants: VariantRequest[];
  retentionDays?: number;
}

/** A picture that ends its decoder each time is at fault itself. */
const decoderAttempts = 3;

const contentTypes: Record<VariantFormat, string> = { jpeg: 'image/jpeg', png: 'image/png', webp: 'image/webp', avif: 'image/avif' };

/** `holiday.photo.jpg` and variant `thumb` as WebP make `holiday.photo-thumb.webp`. */
function variantName(original: string, { name, format }: VariantRequest): string {
  const dot = original.lastIndexOf('.');
  return `${dot > 0 ? original.slice(0, dot) : original}-${name}.${format === 'jpeg' ? 'jpg' : format}`;
}

/** @throws what `work` throws; for good when decoders have failed often enough. */
async function decoding<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'decoder_failed' || currentAttempt() < decoderAttempts) throw error;
    throw new AppError('decoder_failed', error.message, { cause: error });
  }
}

export function uploadActivities({ images, files, fileIdFor }: UploadDependencies) {
  const idOf = (jobId: string, { name }: VariantRequest) => fileIdFor(jobId, `variant ${name}`);

  /** Made by an attempt before. */
  async function stored(jobId: string, tenant: string, variant: VariantRequest, signal: AbortSignal): Promise<Variant | undefined> {
    const found = await files.find(tenant, idOf(jobId, variant));
    if (found === undefined) return undefined;
    const { id, name, contentType, size, sha256 } = found;
    const facts = await images.inspect(files.read(found), { contentType, signal });
    if (facts === null) return undefined;
    const { width, height } = facts;
    return { name: variant.name, width, height, format: variant.format, file: { id, name, contentType, size, sha256 } };
  }

  async function keep(
    jobId: string,
    { tenant, file, retentionDays }: VariantsRequest,
    variant: VariantRequest,
    bytes: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ) {
    const staged = await files.stage(bytes, { signal });
    try {
      const names = { name: variantName(file.name, variant), contentType: contentTypes[variant.format] };
      return await staged.commit({ id: idOf(jobId, variant), ...names, tenant, jobId, retentionDays });
    } finally {
      await staged.discard();
    }
  }

  return {
    /** null: not an image that we decode. */
    inspectImage({ file, camera: told }: { file: StoredFile; camera?: 'tell' | 'leave' }): Promise<ImageFacts | null> {
      const { contentType } = file;
      const work = () => heartbeating(({ signal }) => images.inspect(files.read(file), { contentType, signal }));
      return classified(async () => {
        const facts = await decoding(work);
        if (facts === null || told !== 'leave') return facts;
        const others = { ...facts };
        delete others.camera;
        return others;
      });
    },

    /**
     * Makes all variants from one decode, and keeps each as soon as it is made: another attempt makes only those that are missing,
     * with the same bytes under the same ids.
     */
    renderVariants(request: VariantsRequest): Promise<Rendition> {
      const { tenant, file, variants } = request;
      // Now: what the engine calls back may run in the context of another job.
      const jobId = currentJobId();
      const work = () =>
        heartbeating(async ({ report, signal }) => {
          const made: (Variant | undefined)[] = [];
          for (const variant of variants) made.push(await stored(jobId, tenant, variant, signal));
          const missing = [...variants.keys()].filter((index) => made[index] === undefined);
          const omitted: Omission[] = [];
          const tell = (): void => {
            const next = variants.find(({ name }, index) => made[index] === undefined && !omitted.some((one) => one.name === name));
            const done = made.filter((one) => one !== undefined).length + omitted.length;
            const stage = next === undefined ? 'looking at colours' : `rendering ${next.name}`;
            report({ done, total: variants.length, unit: 'variants', stage });
          };
          tell();
          const colours = await images.render(
            files.read(file),
            missing.flatMap((index) => variants[index] ?? []),
            {
              ...{ contentType: file.contentType, signal },
              take: async (at, { width, height, bytes }) => {
                const index = missing[at] ?? 0;
                const variant = variants[index] as VariantRequest;
                const { name, format } = variant;
                if (bytes === null) omitted.push({ name, reason: 'not_smaller' });
                else made[index] = { name, width, height, format, file: await keep(jobId, request, variant, bytes, signal) };
                tell();
              },
            },
          );
          return { variants: made.filter((one) => one !== undefined), omitted, colours };
        });
      return classified(() => decoding(work));
    },
  };
}
