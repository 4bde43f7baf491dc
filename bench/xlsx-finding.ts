import { type Finding, show, showSpread } from './finding.ts';
import { ratios, spread } from './statistics.ts';

export type XlsxSide = 'product' | 'exceljs' | 'xlsxwriter';

export interface XlsxRound {
  seconds: number;
  /** Of the process, in MiB. */
  peak: number;
  size: number;
}

/** The peak is in MiB: 150 MB. */
const bar = { exceljs: 8, xlsxwriter: 1, peak: 150_000_000 / 1024 / 1024 };

const names: Record<XlsxSide, string> = {
  product: 'product: from the extract (Parquet) to the file',
  exceljs: 'exceljs 4.4.0, `WorkbookWriter` without styles and shared strings',
  xlsxwriter: 'Python’s XlsxWriter 3.3.1, `constant_memory`',
};

export function xlsxFinding(measured: Partial<Record<XlsxSide, XlsxRound[]>>, rows: number): Finding {
  const of = (side: XlsxSide, what: keyof XlsxRound) => (measured[side] ?? []).map((round) => round[what]);
  const faster = (side: XlsxSide) => ratios(of(side, 'seconds'), of('product', 'seconds'));
  const peak = spread(of('product', 'peak'));
  const sides = (Object.keys(names) as XlsxSide[]).filter((side) => measured[side] !== undefined);
  return {
    title: 'XLSX',
    method: `${show(rows)} rows of whole number, text, decimal, date, boolean and text (half of all texts hold \`<\`, \`>\` and \`&\`), each side in a process of its own that writes to a file.
The product is the build: it copies the extract, opens it in its engine, and writes one sheet with header, filter, widths and formats. The others make the same rows as they go. Peak: VmHWM of the process.`,
    verdicts: [
      {
        bar: `at least ${String(bar.exceljs)} times as fast as exceljs`,
        figure: showSpread(faster('exceljs'), 1),
        met: faster('exceljs').median >= bar.exceljs,
      },
      ...(measured.xlsxwriter === undefined
        ? []
        : [
            {
              bar: 'faster than XlsxWriter',
              figure: showSpread(faster('xlsxwriter'), 1),
              met: faster('xlsxwriter').median > bar.xlsxwriter,
            },
          ]),
      { bar: `process peak under 150 MB (${show(bar.peak)} MiB)`, figure: `at most ${show(peak.max)} MiB`, met: peak.max < bar.peak },
    ],
    tables: [
      {
        heading: 'One workbook',
        columns: ['', 's', 'peak, MiB', 'size, MB', 'time of the product × this'],
        rows: sides.map((side) => [
          names[side],
          showSpread(spread(of(side, 'seconds')), 1),
          showSpread(spread(of(side, 'peak'))),
          show(spread(of(side, 'size')).median / 1_000_000),
          side === 'product' ? '' : showSpread(faster(side), 1),
        ]),
      },
    ],
  };
}
