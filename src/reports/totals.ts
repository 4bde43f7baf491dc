import type { Cell } from '../jobs/report-sources.ts';
import type { TableColumn } from '../jobs/report-columns.ts';

export interface Totals {
  add(row: readonly Cell[]): void;
  /** One for each column; null where none was asked for, or nothing is there. Numbers that a double can't keep are numerals as text. */
  cells(): Cell[];
}

interface Total {
  add(cell: Exclude<Cell, null>): void;
  value(): Cell;
}

/** What stands below the last row. Sums are those of the decimals as they are written, not of doubles: 0.1 and 0.2 make 0.3. */
export function totalsOf(columns: readonly Pick<TableColumn, 'total'>[]): Totals {
  const totals = columns.map(({ total }) => (total === undefined ? undefined : kinds[total]()));
  const asked = totals.flatMap((total, index) => (total === undefined ? [] : [{ total, index }]));
  return {
    add(row) {
      for (const { total, index } of asked) {
        const cell = row[index] ?? null;
        if (cell !== null) total.add(cell);
      }
    },
    cells: () => totals.map((total) => total?.value() ?? null),
  };
}

const kinds = { sum, average, count, min: () => extreme(-1), max: () => extreme(1) } as const satisfies Record<string, () => Total>;

function count(): Total {
  let counted = 0;
  return {
    add() {
      counted += 1;
    },
    value: () => counted,
  };
}

function sum(): Total {
  const decimal = exactSum();
  return { add: decimal.add, value: () => (decimal.count() === 0 ? null : kept(decimal.numeral())) };
}

function average(): Total {
  const decimal = exactSum();
  return { add: decimal.add, value: () => (decimal.count() === 0 ? null : Number(decimal.numeral()) / decimal.count()) };
}

/** Of numbers by their value, of dates and other text as it is sorted. */
function extreme(sign: 1 | -1): Total {
  let best: Cell = null;
  const beats = (cell: Exclude<Cell, null>, other: Exclude<Cell, null>) => {
    const [one, two] = [partsOf(cell), partsOf(other)];
    if (one !== undefined && two !== undefined) return sign * compared(one, two) > 0;
    return sign * (String(cell) < String(other) ? -1 : 1) > 0;
  };
  return {
    add(cell) {
      if (best === null || (cell !== best && beats(cell, best))) best = cell;
    },
    value: () => best,
  };
}

/** A decimal number: `digits` × 10^-`scale`. */
interface Decimal {
  digits: bigint;
  scale: number;
}

const numeral = /^([+-]?)(\d+)(?:\.(\d*))?(?:e([+-]?\d{1,4}))?$/i;

function partsOf(cell: Exclude<Cell, null>): Decimal | undefined {
  if (typeof cell === 'boolean') return undefined;
  const found = numeral.exec(String(cell));
  if (found === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = found;
  const scale = fraction.length - Number(exponent);
  const digits = BigInt(`${sign === '-' ? '-' : ''}${whole}${fraction}`);
  return scale < 0 ? { digits: digits * 10n ** BigInt(-scale), scale: 0 } : { digits, scale };
}

const scaled = ({ digits, scale }: Decimal, to: number) => digits * 10n ** BigInt(to - scale);

function compared(one: Decimal, two: Decimal): number {
  const scale = Math.max(one.scale, two.scale);
  const [a, b] = [scaled(one, scale), scaled(two, scale)];
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Cents and the like, which most numbers are, are added as whole numbers of `unit`, as long as these are exact. */
const unit = 10_000;
/** A double keeps 15 digits. */
const exactBelow = 1e15;

function exactSum() {
  let total: Decimal = { digits: 0n, scale: 0 };
  let units = 0;
  let added = 0;
  const carry = (decimal: Decimal) => {
    const scale = Math.max(total.scale, decimal.scale);
    total = { digits: scaled(total, scale) + scaled(decimal, scale), scale };
  };
  const flush = () => {
    if (units !== 0) carry({ digits: BigInt(units), scale: 4 });
    units = 0;
  };
  return {
    add: (cell: Exclude<Cell, null>): void => {
      const whole = typeof cell === 'number' ? Math.round(cell * unit) : NaN;
      if (Math.abs(whole) < exactBelow && whole / unit === cell) {
        if (Math.abs(units + whole) >= exactBelow) flush();
        units += whole;
        added += 1;
        return;
      }
      const decimal = partsOf(cell);
      if (decimal === undefined) return;
      carry(decimal);
      added += 1;
    },
    /** Of numbers. */
    count: () => added,
    numeral() {
      flush();
      return written(total);
    },
  };
}

function written({ digits, scale }: Decimal): string {
  const sign = digits < 0n ? '-' : '';
  const text = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
  if (scale === 0) return sign + text;
  const fraction = text.slice(-scale).replace(/0+$/, '');
  return `${sign}${text.slice(0, -scale)}${fraction && `.${fraction}`}`;
}

/** As a number when a double keeps all digits. */
function kept(text: string): Cell {
  return text.replace(/^-?0*\.?0*|\./g, '').length <= 15 ? Number(text) : text;
}
