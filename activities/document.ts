import type { Readable } from 'node:stream';

import { AppError } from '../src/errors.ts';
import type { FileStore, StoredFile } from '../src/jobs/files.ts';
import type { DocumentFacts, TableFacts, UploadDocument } from '../src/jobs/upload-documents.ts';
import { currentAttempt, currentJobId } from './current-job.ts';
import { classified } from './failures.ts';
import { heartbeating } from './heartbeat.ts';
import type { ReportEngine } from './report-ports.ts';

/** Reads PDFs and videos. */
export interface DocumentReader {
  /**
   * Owns the source. @param options `keep` is given what was made of it. @throws AppError `decoder_failed`; what the source or
   * `keep` threw; the reason of `signal`.
   */
  read(
    source: Readable,
    options: {
      contentType: string;
      signal: AbortSignal;
      keep: (role: 'poster' | 'text', bytes: Readable, contentType: string) => Promise<StoredFile>;
    },
  ): Promise<UploadDocument>;
}

export interface DocumentDependencies {
  documents: DocumentReader;
  tables: Pick<ReportEngine, 'extract' | 'readExtract'>;
  files: Pick<FileStore, 'read' | 'stage'>;
  fileIdFor: (jobId: string, role: string) => string;
}

export interface DocumentRequest {
  tenant: string;
  file: StoredFile;
}

const tableFormats: Partial<Record<string, 'csv' | 'parquet'>> = { 'text/csv': 'csv', 'application/vnd.apache.parquet': 'parquet' };
/** A document that ends its reader each time is at fault itself. */
const readerAttempts = 3;
const previewRows = 5;
const previewColumns = 100;
const longestCell = 100;
const extensions = { poster: 'png', text: 'txt' };

function kindOf(contentType: string): DocumentFacts['kind'] {
  if (tableFormats[contentType] !== undefined) return 'table';
  return contentType === 'application/pdf' ? 'pdf' : 'video';
}

/** As the report engine sees it: what is told here is what a report can use. */
async function tableFacts(
  { tables, files }: Pick<DocumentDependencies, 'tables' | 'files'>,
  file: StoredFile,
  signal: AbortSignal,
): Promise<TableFacts> {
  const source = { name: 'file', bytes: () => files.read(file), format: tableFormats[file.contentType] ?? 'csv', csv: undefined };
  const extract = await tables.extract({ tables: [source], query: undefined, signal, report: () => undefined });
  try {
    const read = await tables.readExtract(extract.bytes, { numbers: true, columns: undefined, signal });
    try {
      const preview: NonNullable<TableFacts['preview']> = [];
      for await (const row of read.rows) {
        if (preview.length >= previewRows) break;
        preview.push(row.slice(0, previewColumns).map(shownCell));
      }
      const columns = read.columns.slice(0, previewColumns).map(({ title, kind }) => ({ name: title.slice(0, longestCell), kind }));
      return { kind: 'table', rows: extract.rows, columns, preview };
    } finally {
      await read.close();
    }
  } finally {
    await extract.close();
  }
}

function shownCell(cell: unknown): string | number | boolean | null {
  if (cell === null || cell === undefined) return null;
  if (typeof cell === 'boolean' || (typeof cell === 'number' && Number.isFinite(cell))) return cell;
  if (cell instanceof Date) return cell.toISOString();
  const text = typeof cell === 'string' ? cell : typeof cell === 'bigint' ? cell.toString() : JSON.stringify(cell);
  return text.slice(0, longestCell);
}

export function documentActivities({ documents, tables, files, fileIdFor }: DocumentDependencies) {
  /** An upload is as good without: what can't be read is told. */
  function problemOf(error: unknown): DocumentFacts['problem'] {
    if (!(error instanceof AppError)) throw error;
    if (error.code === 'source_unreadable') return 'unreadable';
    if (['source_too_large', 'query_timeout', 'query_too_large', 'query_invalid'].includes(error.code)) return 'too_much';
    if (error.code === 'decoder_failed' && currentAttempt() >= readerAttempts) return 'too_much';
    throw error;
  }

  return {
    /** Of a PDF, a video or a table: what it holds, and what can be shown of it. */
    readDocument({ tenant, file }: DocumentRequest): Promise<UploadDocument> {
      const jobId = currentJobId();
      const work = (signal: AbortSignal): Promise<UploadDocument> => {
        if (kindOf(file.contentType) === 'table') return tableFacts({ tables, files }, file, signal);
        const keep = async (role: 'poster' | 'text', bytes: Readable, contentType: string): Promise<StoredFile> => {
          const staged = await files.stage(bytes, { signal });
          try {
            const name = `${file.name}.${extensions[role]}`;
            return await staged.commit({ id: fileIdFor(jobId, role), name, contentType, tenant, jobId });
          } finally {
            await staged.discard();
          }
        };
        return documents.read(files.read(file), { contentType: file.contentType, signal, keep });
      };
      return classified(() =>
        heartbeating(({ signal }) =>
          work(signal).catch((error: unknown): UploadDocument => {
            signal.throwIfAborted();
            return { kind: kindOf(file.contentType), problem: problemOf(error) };
          }),
        ),
      );
    },
  };
}
