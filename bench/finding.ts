import type { Spread } from './statistics.ts';

/** What one benchmark says. */
export interface Finding {
  title: string;
  /** What is measured against what, in two lines or so of Markdown. */
  method: string;
  /** One for each bar. */
  verdicts: Verdict[];
  tables: { heading: string; columns: string[]; rows: string[][]; note?: string }[];
}

export interface Verdict {
  bar: string;
  figure: string;
  met: boolean;
}

export interface Settings {
  rounds: number;
  /** A tenth of the work: whether it runs, not how fast. */
  quick: boolean;
  /** Where to put CPU profiles of the api process. */
  profile: string | undefined;
  /** More settings of the Temporal server, `key=value`. */
  temporalSettings: readonly string[];
  say: (line: string) => void;
}

export const show = (value: number, digits = 0) =>
  value.toLocaleString('en-GB', { minimumFractionDigits: digits, maximumFractionDigits: digits });

export const showSpread = ({ median, min, max }: Spread, digits = 0) =>
  `${show(median, digits)} (${show(min, digits)}–${show(max, digits)})`;
