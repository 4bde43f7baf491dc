import { join } from 'node:path';

import type { ReportEngine } from '../../activities/report.ts';
import { createExtract, createWriteRows, type ExtractLimits } from './extract.ts';
import { createExtractReader } from './extracted-rows.ts';
import { renderTable } from './render.ts';
import { readCsv, readNdjson } from './source.ts';

/** @param dataDir where temporary files may lie */
export function createReportEngine(dataDir: string, limits: ExtractLimits): ReportEngine {
  const root = join(dataDir, 'reports');
  return {
    ...{ render: renderTable, readCsv, readNdjson },
    ...{ write: createWriteRows(root, limits), extract: createExtract(root, limits), readExtract: createExtractReader(root, limits) },
  };
}
