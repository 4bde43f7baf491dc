import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import type { DocumentReader } from '../../activities/document.ts';
import type { DocumentFacts } from '../jobs/upload-documents.ts';
import { sourceIn } from './orders.ts';
import { readPdf } from './pdf.ts';
import type { ToolLimits } from './tools.ts';
import { readVideo } from './video.ts';
import { openWorkDirectory } from './work-directory.ts';

/** A file below the directory. */
export interface Found {
  path: string;
  contentType: string;
}

/** Looks at the file `source` of the directory. */
export type ReadDocument = (directory: string, limits: ToolLimits) => Promise<DocumentFacts & { files?: { poster?: Found; text?: Found } }>;

export interface DocumentReaderOptions {
  /** For temporary files. */
  dataDir: string;
  /** For each program that is run. */
  memoryMb: number;
  timeoutSeconds: number;
}

/** PDFs and videos, with programs of the system that need not be there. */
export function createDocumentReader({ dataDir, memoryMb, timeoutSeconds }: DocumentReaderOptions): DocumentReader {
  return {
    async read(source, { contentType, signal, keep }) {
      const directory = await openWorkDirectory(join(dataDir, 'image-work')).catch((cause: unknown) => {
        source.destroy();
        throw cause;
      });
      try {
        await pipeline(source, createWriteStream(sourceIn(directory), { mode: 0o600 }), { signal });
        const reader = contentType === 'application/pdf' ? readPdf : readVideo;
        const { files = {}, ...facts } = await reader(directory, { memoryMb, seconds: timeoutSeconds, signal });
        const kept = async (role: 'poster' | 'text', found: Found | undefined) => {
          if (found === undefined) return {};
          const path = join(directory, found.path);
          const { size } = await stat(path).catch(() => ({ size: 0 }));
          return size === 0 ? {} : { [role]: await keep(role, createReadStream(path), found.contentType) };
        };
        return { ...facts, ...(await kept('poster', files.poster)), ...(await kept('text', files.text)) };
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
  };
}
