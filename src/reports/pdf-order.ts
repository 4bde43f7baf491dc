import type { TotalValue } from '../../activities/report-table.ts';
import type { ReportChart } from '../jobs/report-charts.ts';
import type { TableColumn } from '../jobs/report-columns.ts';
import type { PageLayout } from '../jobs/report-page.ts';

/** A document to be drawn in another thread. Its rows come over a port. */
export interface PdfOrder {
  title: string;
  columns: TableColumn[];
  /** One for each column. */
  totals?: (TotalValue | null)[];
  page: Omit<PageLayout, 'logo'>;
  charts: ReportChart[];
  logo?: Logo;
}

/** A picture that can be drawn as it is. */
export interface Logo {
  /** As a data URL. */
  image: string;
  width: number;
  height: number;
}

export interface DrawnPdf {
  bytes: Uint8Array;
  notes: string[];
}
