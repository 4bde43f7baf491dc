import type { TableColumn } from '../src/jobs/report-columns.ts';
import type { ReportPreview } from '../src/jobs/report-preview.ts';
import type { Cell } from '../src/jobs/report-sources.ts';

/** Rows that a preview shows at most. */
export const previewRows = 100;

/** In bytes of JSON: all of it stays under the 64 KiB of a payload, encrypted and all. */
const [columnsSize, rowsSize] = [14_000, 40_000];
/** Characters of a cell: fewer when not even the first row has room. */
const longestCells = [1_000, 100, 20, 5];

const sizeOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value)) + 1;
const numberedCut = 12;

/** As much of the first rows as a payload has room for, and where something is missing. @param rows one more than are shown: there are more then */
export function boundedPreview(columns: readonly TableColumn[], rows: readonly Cell[][]): Omit<ReportPreview, 'elapsedMs'> {
  const shown: ReportPreview['columns'] = [];
  let left = columnsSize;
  for (const { name, title, type, kind } of columns) {
    const column = { name, title, type: type ?? kind };
    left -= sizeOf(column);
    if (left < 0) break;
    shown.push(column);
  }
  const whole = { columns: shown, columnsLeftOut: columns.length - shown.length };
  const first = rows.slice(0, previewRows).map((row) => shown.map((_column, index) => row[index] ?? null));
  for (const longest of longestCells) {
    const bounded = boundedRows(first, longest);
    if (bounded.rows.length > 0 || first.length === 0) return { ...whole, ...bounded, more: rows.length > bounded.rows.length };
  }
  return { ...whole, rows: [], cut: [], more: rows.length > 0 };
}

function boundedRows(rows: readonly Cell[][], longest: number): Pick<ReportPreview, 'rows' | 'cut'> {
  const bounded: Pick<ReportPreview, 'rows' | 'cut'> = { rows: [], cut: [] };
  let left = rowsSize;
  for (const [number, row] of rows.entries()) {
    const cut: ReportPreview['cut'] = [];
    const cells = row.map((cell, index) => {
      if (typeof cell !== 'string' || cell.length <= longest) return cell;
      cut.push([number, index]);
      // Not in the middle of a character.
      return cell.slice(0, longest).replace(/[\ud800-\udbff]$/, '');
    });
    left -= sizeOf(cells) + numberedCut * cut.length;
    if (left < 0) break;
    bounded.rows.push(cells);
    bounded.cut.push(...cut);
  }
  return bounded;
}
