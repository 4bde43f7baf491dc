import type { Extraction } from './report.ts';
import type { ColumnKind, ColumnType, ReportColumn } from './report-columns.ts';
import type { Cell } from './report-sources.ts';

/** The one argument of the workflow `previewReport`. */
export interface PreviewOrder {
  tenant: string;
  source: Extraction;
  /** Default: all, as they come. */
  columns?: ReportColumn[];
}

export interface ReportPreview {
  columns: { name: string; title: string; type: ColumnType | ColumnKind }[];
  rows: Cell[][];
  /** There are more rows than these. */
  more: boolean;
  /** Columns behind these. */
  columnsLeftOut: number;
  /** Row and column of each cell that has only its beginning here. */
  cut: [row: number, column: number][];
  elapsedMs: number;
}
