import { AppError } from '../errors.ts';
import type { ReportChart } from '../jobs/report-charts.ts';
import type { TableColumn } from '../jobs/report-columns.ts';
import type { Cell } from '../jobs/report-sources.ts';
import { isMoment } from './cell-text.ts';
import { shownName } from './rows.ts';

export interface ChartPoint {
  x: Exclude<Cell, null>;
  /** null: the rows had nothing there. */
  y: (number | null)[];
}

/** A chart with all that is drawn. */
export interface PlottedChart {
  chart: ReportChart;
  x: TableColumn;
  y: TableColumn[];
  points: ChartPoint[];
}

export interface ChartCollector {
  /** @throws AppError `report_too_large` for more points than a chart has room for */
  add: (row: readonly Cell[]) => void;
  plots: () => PlottedChart[];
}

/** More would not be legible. A pie shows the largest of them, and the others as one. */
const mostPoints: Record<ReportChart['type'], number> = { bar: 60, line: 2_000, area: 2_000, pie: 10_000, scatter: 5_000 };
const mostSlices = 12;
/** Nobody reads more at an axis; thousands of long texts would fill the memory. In characters. */
const longestName = 1_000;
const empty = '(empty)';

/** What charts need of the rows of a table: bounded, however many rows there are. @throws AppError `query_invalid` for a column that is not there */
export function collectCharts(charts: readonly ReportChart[], columns: readonly TableColumn[]): ChartCollector {
  const collectors = charts.map((chart) => collectorOf(chart, columns));
  return {
    add(row) {
      for (const { add } of collectors) add(row);
    },
    plots: () => collectors.map(({ plot }) => plot()),
  };
}

function collectorOf(chart: ReportChart, columns: readonly TableColumn[]) {
  const { type, title = type } = chart;
  const indexOf = (name: string) => {
    const index = columns.findIndex((column) => column.name === name);
    if (index < 0) throw new AppError('query_invalid', `There is no column ${shownName(name)} for a chart in the rows of the report.`);
    return index;
  };
  const at = indexOf(chart.x);
  const series = chart.y.map(indexOf);
  const [x, y] = [columns[at] as TableColumn, series.map((index) => columns[index] as TableColumn)];
  const points = new Map<unknown, ChartPoint>();

  function add(row: readonly Cell[]): void {
    const cell = row[at] ?? empty;
    if (typeof cell === 'string' && cell.length > longestName)
      throw new AppError(
        'report_too_large',
        `The chart ${shownName(title)} has texts of more than ${String(longestName)} characters in its column ${shownName(chart.x)}.`,
      );
    const values = series.map((index) => numberOf(row[index] ?? null, columns[index]));
    // A cloud has each row as a point of its own.
    const key = type === 'scatter' ? points.size : cell;
    const known = points.get(key);
    if (known !== undefined) {
      known.y = known.y.map((value, index) => summed(value, values[index] ?? null));
      return;
    }
    const most = mostPoints[type];
    if (points.size >= most) {
      const advice =
        type === 'scatter' ? 'Let the query choose some of them.' : 'Let the query add them up to fewer, or choose another type.';
      throw new AppError('report_too_large', `The chart ${shownName(title)} would have more than ${String(most)} points. ${advice}`);
    }
    points.set(key, { x: cell, y: values });
  }

  function plot(): PlottedChart {
    const all = [...points.values()];
    if (type === 'pie') return { chart, x, y, points: slices(all) };
    // On an axis of numbers or of time the order of the rows says nothing.
    if ((type === 'line' || type === 'area') && (isMoment(x) || all.every((point) => typeof point.x === 'number')))
      all.sort((one, two) => (one.x < two.x ? -1 : one.x > two.x ? 1 : 0));
    return { chart, x, y, points: all };
  }

  return { add, plot };
}

function numberOf(cell: Cell, column: TableColumn | undefined): number | null {
  if (cell === null) return null;
  const value = typeof cell === 'boolean' || cell === '' ? NaN : Number(cell);
  if (Number.isFinite(value)) return value;
  throw new AppError(
    'query_invalid',
    `The column ${shownName(column?.name ?? '')} has values that are no numbers; a chart can't show them.`,
  );
}

const summed = (one: number | null, two: number | null) => (one === null ? two : two === null ? one : one + two);

function slices(points: ChartPoint[]): ChartPoint[] {
  const sized = points.map((point) => ({ point, size: point.y[0] ?? 0 })).filter(({ size }) => size !== 0);
  if (sized.some(({ size }) => size < 0)) throw new AppError('query_invalid', 'A pie can not show numbers below zero.');
  sized.sort((one, two) => two.size - one.size);
  if (sized.length <= mostSlices) return sized.map(({ point }) => point);
  const rest = sized.slice(mostSlices - 1);
  const others = { x: `${String(rest.length)} others`, y: [rest.reduce((sum, { size }) => sum + size, 0)] };
  return [...sized.slice(0, mostSlices - 1).map(({ point }) => point), others];
}
