import { AppError } from '../errors.ts';

/** What a column needs, in thousandths of the font size. */
export interface ColumnNeed {
  /** Of the longest line. */
  natural: number;
  /** Below it, words or numbers would be cut in two. */
  least: number;
  /** As asked for. */
  given?: number;
}

export interface Room {
  orientation: 'portrait' | 'landscape';
  /** Between the margins, in points. */
  width: number;
}

export interface FittedColumns {
  orientation: Room['orientation'];
  fontSize: number;
  /** In points, without the padding. */
  widths: number[];
}

/** At both sides of a cell, in points: small print stands closer. */
export const padding = (fontSize: number): number => Math.max(2, fontSize - 4);

/** Smaller is not readable. */
const smallestFont = 6;
const fontSizes = [9, 8, 7, smallestFont];
/** A longer text may become several lines, a longer word may be cut. In thousandths of the font size, about 32 and 16 letters. */
const comfortable = 16_000;
const longestWord = 8_000;
/** Nothing is gained by columns that are far from one another. */
const widest = 1.6;
/** Against rounding and pairs of letters. */
const slack = 1.02;

/**
 * Widths for columns: as given, else as wide as their content, else wrapped. Where they do not fit, the page is turned, and then
 * the font becomes smaller.
 * @param rooms what pages there may be, the better one first
 * @throws AppError `report_too_large` when even so words would be cut
 */
export function fittedColumns(needs: readonly ColumnNeed[], rooms: readonly Room[]): FittedColumns {
  const gaps = (fontSize: number) => 2 * padding(fontSize) * needs.length;
  const choices = fontSizes.flatMap((fontSize) => rooms.map((room) => ({ ...room, fontSize })));
  const sum = (of: (need: ColumnNeed) => number) => needs.reduce((total, need) => total + (need.given ?? of(need)), 0);
  const ample = sum(({ natural, least }) => Math.max(Math.min(natural, comfortable), Math.min(least, longestWord)));
  const scarce = sum(({ least }) => Math.min(least, longestWord));
  const fits = (thousandths: number) => (choice: (typeof choices)[number]) =>
    points(thousandths, choice.fontSize) + gaps(choice.fontSize) <= choice.width;
  // Rather a turned page, or a slightly smaller font, than many lines a row; the smallest one only when nothing else helps.
  const choice = choices.filter(({ fontSize }) => fontSize > 7).find(fits(ample)) ?? choices.find(fits(scarce));
  if (choice === undefined) throw tooWide(needs.length, points(scarce, smallestFont) + gaps(smallestFont), rooms);
  return {
    orientation: choice.orientation,
    fontSize: choice.fontSize,
    widths: shared(needs, choice.fontSize, choice.width - gaps(choice.fontSize)),
  };
}

const points = (thousandths: number, fontSize: number) => (thousandths * slack * fontSize) / 1000;

/** Narrow columns get all they need, the others what is left in equal parts. */
function shared(needs: readonly ColumnNeed[], fontSize: number, room: number): number[] {
  const least = needs.map((need) => points(need.given ?? Math.min(need.least, longestWord), fontSize));
  const wanted = needs.map((need, index) => Math.max(points(need.given ?? need.natural, fontSize), least[index] ?? 0));
  const total = wanted.reduce((sum, width) => sum + width, 0);
  if (total <= room) {
    const stretch = Math.min(widest, room / Math.max(total, 1));
    return needs.map((need, index) => (wanted[index] ?? 0) * (need.given === undefined ? stretch : 1));
  }
  const widths = [...least];
  let left = room - widths.reduce((sum, width) => sum + width, 0);
  // Poured in like water: who is full takes no more.
  let open = needs.flatMap((_, index) => ((wanted[index] ?? 0) > (widths[index] ?? 0) ? [index] : []));
  while (left > 0.01 && open.length > 0) {
    const lowest = Math.min(...open.map((index) => widths[index] ?? 0));
    const low = open.filter((index) => (widths[index] ?? 0) - lowest < 0.01);
    const above = Math.min(...open.filter((index) => !low.includes(index)).map((index) => widths[index] ?? 0));
    const full = Math.min(...low.map((index) => wanted[index] ?? 0));
    const level = Math.min(above, full, lowest + left / low.length);
    for (const index of low) {
      left -= level - (widths[index] ?? 0);
      widths[index] = level;
    }
    open = open.filter((index) => (wanted[index] ?? 0) - (widths[index] ?? 0) > 0.01);
  }
  return widths;
}

function tooWide(columns: number, needed: number, rooms: readonly Room[]): AppError {
  const width = Math.max(...rooms.map((room) => room.width));
  return new AppError(
    'report_too_large',
    `${String(columns)} columns need ${String(Math.ceil(needed))} points in the smallest font (${String(smallestFont)} points), but a page has ${String(Math.floor(width))}. Take fewer columns, a larger page, or another format.`,
  );
}
