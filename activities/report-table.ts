import type { Cell } from '../src/jobs/report.ts';
import type { ReportChart } from '../src/jobs/report-charts.ts';
import type { TableColumn } from '../src/jobs/report-columns.ts';
import type { ReportOutput } from '../src/jobs/report-outputs.ts';
import type { PageLayout } from '../src/jobs/report-page.ts';

export interface Table {
  title: string;
  columns: TableColumn[];
  /** How many rows there are; null: nobody has counted them. */
  total: number | null;
  /** A row may be shorter than `columns`. */
  rows: AsyncIterable<Cell[]>;
  /** One for each column; null for those without. */
  totals?: (TotalValue | null)[];
  /** The same rows, for a writer that takes them instead of `rows`. */
  held?: HeldRows;
  charts?: ReportChart[];
  page?: Omit<PageLayout, 'logo'>;
  /** The bytes of a PNG or JPEG file. */
  logo?: Uint8Array;
  /** Ends the work within two seconds. */
  signal?: AbortSignal;
  /** Takes what a reader must know, once the document is complete. */
  note?: (text: string) => void;
}

/** What stands below a column. */
export interface TotalValue {
  /** Exact: a numeral where a double can't keep it. */
  value: Cell;
  /** Whether a spreadsheet comes to the same from the cells: not when some are text there. */
  recountable: boolean;
}

/** Rows that the engine still holds: it writes them as text many times faster than they can be read out. */
export interface HeldRows {
  /** In the order of the table's. */
  columns: HeldColumn[];
  first: (count: number) => Promise<Cell[][]>;
  /**
   * Runs once. Parts are to be read to their end, one after the other.
   * @param expression SQL for the text of a row
   * @param every parts end after multiples of so many rows, and may end before
   */
  write: (expression: string, every: number) => AsyncIterable<WrittenRows>;
}

export interface HeldColumn {
  /** Its name in an expression. */
  sql: string;
  /** As the engine writes it. */
  type: string;
  mayBeNull: boolean;
}

export interface WrittenRows {
  rows: number;
  /** Each chunk is good until the next one is asked for. */
  bytes: AsyncIterable<Uint8Array>;
}

/** The finished document, as a stream with back-pressure: the same table gives the same bytes. */
export type RenderTable = (output: TableOutput, table: Table) => AsyncIterable<Uint8Array>;

/** All but what the engine writes itself. */
export type TableOutput = Exclude<ReportOutput, { format: 'parquet' }>;
