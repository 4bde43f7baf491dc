import { join } from 'node:path';

import type { ReportEngine } from '../../activities/report-ports.ts';
import { createDrawingRoom, type DrawingRoom } from './drawing-room.ts';
import { createExtract, createWriteRows, type ExtractLimits } from './extract.ts';
import { createExtractReader } from './extracted-rows.ts';
import { createRenderTable } from './render.ts';
import { readCsv, readNdjson } from './source.ts';

export interface Drawing {
  room: DrawingRoom;
  pdfMaxRows: number;
}

const usual = (): Drawing => ({ room: createDrawingRoom({ threads: 1, memoryMb: 1_024 }), pdfMaxRows: 50_000 });

/** @param dataDir where temporary files may lie */
export function createReportEngine(dataDir: string, limits: ExtractLimits, { room, pdfMaxRows }: Drawing = usual()): ReportEngine {
  const root = join(dataDir, 'reports');
  return {
    render: createRenderTable(room, { pdfMaxRows }),
    readCsv,
    readNdjson,
    write: createWriteRows(root, limits),
    extract: createExtract(root, limits),
    readExtract: createExtractReader(root, limits),
  };
}
