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
  /** A file, encoded as the variant asked, until it is taken. The same source and variant give the same bytes. null: not smaller than the source. */
  path: string | null;
}

export interface Looking {
  /** Of the source: what its bytes alone don't prove is believed. */
  contentType: string;
  signal?: AbortSignal;
}

/** Bytes of a picture. */
export interface ImageSource {
  /** Whoever calls reads it to its end or destroys it. */
  read: () => Readable;
  /** Gives the file a further name, so that nothing is copied; false when that can't be. */
  link?: (path: string) => Promise<boolean>;
}

/** Decodes pictures. */
export interface ImageEngine {
  /**
   * From the header alone; a picture that is broken further on shows in `render`. null: not an image that we decode.
   * @throws AppError `image_unreadable`, `image_too_large`, `decoder_failed`; what the source threw; the reason of `signal`.
   */
  inspect(source: ImageSource, options: Looking): Promise<ImageFacts | null>;
  /**
   * One decode for all of them: upright, never enlarged, without metadata but a colour profile where colours are not sRGB.
   * @param options `take` is given one variant after the other, by its index. @throws as `inspect`, and what `take` threw.
   */
  render(
    source: ImageSource,
    variants: VariantRequest[],
    options: Looking & { take: (index: number, made: RenderedVariant) => Promise<void> },
  ): Promise<ImageColours>;
}

export interface UploadDependencies {
  images: ImageEngine;
  files: Pick<FileStore, 'read' | 'link' | 'stageFile' | 'find'>;
  /** The same id for the same job and role. */
  fileIdFor: (jobId: string, role: string) => string;
  alternativeIdFor: (jobId: string, id: string, format: VariantFormat) => string;
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

/** One file that is to be made. */
interface Wanted {
  id: string;
  variant: VariantRequest;
  /** Index of the variant of which it is the same picture in another format. */
  alternativeTo?: number;
}

export function uploadActivities({ images, files, fileIdFor, alternativeIdFor }: UploadDependencies) {
  const sourceOf = (file: Pick<StoredFile, 'sha256'>): ImageSource => ({
    read: () => files.read(file),
    link: async (path) => (await files.link?.(file, path)) ?? false,
  });

  /** Variants first, each under its index. */
  function wantedOf(jobId: string, variants: readonly VariantRequest[]): Wanted[] {
    const own = variants.map((variant): Wanted => ({ id: fileIdFor(jobId, `variant ${variant.name}`), variant }));
    const others = own.flatMap(({ id, variant: { alternatives = [], ...variant } }, index) =>
      alternatives.map((format): Wanted => ({
        id: alternativeIdFor(jobId, id, format),
        // What is a quality of one format means something else in another.
        variant: { ...variant, format, quality: undefined },
        alternativeTo: index,
      })),
    );
    return [...own, ...others];
  }

  /** Made by an attempt before. */
  async function stored(tenant: string, { id: wanted, variant }: Wanted, signal: AbortSignal): Promise<Variant | undefined> {
    const found = await files.find(tenant, wanted);
    if (found === undefined) return undefined;
    const { id, name, contentType, size, sha256 } = found;
    const facts = await images.inspect(sourceOf(found), { contentType, signal });
    if (facts === null) return undefined;
    const { width, height } = facts;
    return { name: variant.name, width, height, format: variant.format, file: { id, name, contentType, size, sha256 } };
  }

  async function keep(
    jobId: string,
    { tenant, file, retentionDays }: VariantsRequest,
    { id, variant }: Wanted,
    path: string,
    signal: AbortSignal,
  ) {
    const staged = await files.stageFile(path, { signal });
    try {
      const names = { name: variantName(file.name, variant), contentType: contentTypes[variant.format] };
      return await staged.commit({ id, ...names, tenant, jobId, retentionDays });
    } finally {
      await staged.discard();
    }
  }

  return {
    /** null: not an image that we decode. */
    inspectImage({ file, camera: told }: { file: StoredFile; camera?: 'tell' | 'leave' }): Promise<ImageFacts | null> {
      const { contentType } = file;
      const work = () => heartbeating(({ signal }) => images.inspect(sourceOf(file), { contentType, signal }));
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
          const wanted = wantedOf(jobId, variants);
          const made: (Variant | undefined)[] = [];
          for (const one of wanted) made.push(await stored(tenant, one, signal));
          const missing = [...wanted.keys()].filter((index) => made[index] === undefined);
          const left = new Set<number>();
          const tell = (): void => {
            const next = wanted.find((_, index) => made[index] === undefined && !left.has(index));
            const done = made.filter((one) => one !== undefined).length + left.size;
            const stage = next === undefined ? 'looking at colours' : `rendering ${next.variant.name}`;
            report({ done, total: wanted.length, unit: 'variants', stage });
          };
          tell();
          const colours = await images.render(
            sourceOf(file),
            missing.flatMap((index) => wanted[index]?.variant ?? []),
            {
              ...{ contentType: file.contentType, signal },
              take: async (at, { width, height, path }) => {
                const index = missing[at] ?? 0;
                const one = wanted[index] as Wanted;
                const { name, format } = one.variant;
                if (path === null) left.add(index);
                else made[index] = { name, width, height, format, file: await keep(jobId, request, one, path, signal) };
                tell();
              },
            },
          );
          const omitted = variants.flatMap(({ name }, index): Omission[] => (left.has(index) ? [{ name, reason: 'not_smaller' }] : []));
          return { variants: gathered(wanted, made, variants.length), omitted, colours };
        });
      return classified(() => decoding(work));
    },
  };
}

/** Variants, each with its alternatives: without those that are no smaller, which nobody gains by. */
function gathered(wanted: readonly Wanted[], made: readonly (Variant | undefined)[], count: number): Variant[] {
  return made.slice(0, count).flatMap((variant, index) => {
    if (variant === undefined) return [];
    const alternatives = wanted.flatMap(({ alternativeTo }, other) => {
      const file = made[other]?.file;
      return alternativeTo === index && file !== undefined && file.size < variant.file.size
        ? [{ format: made[other]?.format ?? variant.format, file }]
        : [];
    });
    return [{ ...variant, ...(alternatives.length > 0 && { alternatives }) }];
  });
}
