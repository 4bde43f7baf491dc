import { invalid } from '../errors.ts';
import type { Submission } from './definition.ts';
import type { FilesSource, FileTable, SourceFormat } from './report-sources.ts';
import { usableFile } from './usable-file.ts';

/** CSV has no signature: anything whose bytes or declaration say otherwise is another format, or none of ours. */
export const isCsvType = (contentType: string) => /^(text\/|application\/(octet-stream|csv|vnd\.ms-excel)$)/.test(contentType);

const formats: Record<string, SourceFormat> = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
  'application/vnd.apache.parquet': 'parquet',
  'application/x-parquet': 'parquet',
};
const extensions: Record<string, SourceFormat> = { json: 'json', ndjson: 'ndjson', jsonl: 'ndjson', parquet: 'parquet' };

/** An uploaded file as a table. @throws AppError `source_unreadable`, as `usableFile`: refused before a job starts. */
export async function sourceFile(
  { name, fileId, format: said, csv }: FilesSource['files'][number],
  place: string,
  { tenant, files }: Submission,
): Promise<FileTable> {
  const found = await usableFile(files, tenant, fileId, `${place}/fileId`);
  const { id, name: fileName, contentType, size, sha256 } = found;
  const zipped = contentType === 'application/gzip';
  const known = formats[contentType];
  if (!zipped && known === undefined && !isCsvType(contentType))
    throw invalid(`${place}/fileId`, `expected CSV, NDJSON, JSON or Parquet, got ${contentType}`, 'source_unreadable');
  const extension = (zipped ? fileName.replace(/\.gz$/i, '') : fileName).split('.').at(-1)?.toLowerCase() ?? '';
  const format = said ?? known ?? (Object.hasOwn(extensions, extension) ? extensions[extension] : undefined) ?? 'csv';
  if (csv !== undefined && format !== 'csv') throw invalid(`${place}/csv`, `does not go with ${format}`);
  return { name, file: { id, name: fileName, contentType, size, sha256 }, format, ...(csv && { csv }) };
}
