import type { Readable } from 'node:stream';

import type { FileStore, StoredFile } from '../src/jobs/files.ts';
import type { ImageFacts, Variant, VariantFormat, VariantRequest } from '../src/jobs/upload.ts';
import { currentJobId } from './current-job.ts';
import { classified } from './failures.ts';
import { heartbeating } from './heartbeat.ts';

export interface RenderedVariant {
  /** In pixels. */
  width: number;
  height: number;
  /** Encoded as the variant asked. The same source and variant give the same bytes. */
  bytes: AsyncIterable<Uint8Array>;
}

/** Decodes pictures. Both methods own the source: it is read to its end or destroyed. */
export interface ImageEngine {
  /**
   * From the header alone; a picture that is broken further on shows in `resize`. null: not an image that we decode.
   * @throws AppError `image_unreadable`, `image_too_large`; what the source threw; the reason of `signal`.
   */
  inspect(source: Readable, options?: { signal?: AbortSignal }): Promise<ImageFacts | null>;
  /** Upright, fitted inside width × height, never enlarged, without metadata. @throws as `inspect`. */
  resize(source: Readable, variant: VariantRequest, options?: { signal?: AbortSignal }): Promise<RenderedVariant>;
}

export interface UploadDependencies {
  images: ImageEngine;
  files: Pick<FileStore, 'read' | 'stage'>;
  /** The same id for the same job and role. */
  fileIdFor: (jobId: string, role: string) => string;
}

export interface VariantsRequest {
  tenant: string;
  file: StoredFile;
  variants: VariantRequest[];
  retentionDays?: number;
}

const contentTypes: Record<VariantFormat, string> = { jpeg: 'image/jpeg', png: 'image/png', webp: 'image/webp', avif: 'image/avif' };

/** `holiday.photo.jpg` and variant `thumb` as WebP make `holiday.photo-thumb.webp`. */
function variantName(original: string, { name, format }: VariantRequest): string {
  const dot = original.lastIndexOf('.');
  return `${dot > 0 ? original.slice(0, dot) : original}-${name}.${format === 'jpeg' ? 'jpg' : format}`;
}

export function uploadActivities({ images, files, fileIdFor }: UploadDependencies) {
  async function renderVariant(
    { tenant, file, retentionDays }: VariantsRequest,
    variant: VariantRequest,
    signal: AbortSignal,
  ): Promise<Variant> {
    const { width, height, bytes } = await images.resize(files.read(file), variant, { signal });
    const staged = await files.stage(bytes, { signal });
    try {
      const jobId = currentJobId();
      const id = fileIdFor(jobId, `variant ${variant.name}`);
      const names = { name: variantName(file.name, variant), contentType: contentTypes[variant.format] };
      return {
        name: variant.name,
        width,
        height,
        format: variant.format,
        file: await staged.commit({ id, ...names, tenant, jobId, retentionDays }),
      };
    } finally {
      await staged.discard();
    }
  }

  return {
    /** null: not an image that we decode. */
    inspectImage({ file }: { file: StoredFile }): Promise<ImageFacts | null> {
      return classified(() => heartbeating(({ signal }) => images.inspect(files.read(file), { signal })));
    },

    /** Makes all variants, one after the other. A repeated attempt makes the same bytes under the same ids. */
    renderVariants(request: VariantsRequest): Promise<Variant[]> {
      return classified(() =>
        heartbeating(async ({ report, signal }) => {
          const made: Variant[] = [];
          const total = request.variants.length;
          for (const variant of request.variants) {
            report({ done: made.length, total, unit: 'variants', stage: `rendering ${variant.name}` });
            made.push(await renderVariant(request, variant, signal));
          }
          return made;
        }),
      );
    },
  };
}
