import { type Finding, show } from './finding.ts';
import { mebibyte } from './process-facts.ts';

export interface Machine {
  cores: number;
  /** In bytes. */
  memory: number;
  node: string;
  date: Date;
  rounds: number;
  quick: boolean;
  temporalSettings: readonly string[];
  /** One-minute load average at the start and after each benchmark. */
  load: number[];
  skipped: string[];
}

const table = (columns: string[], rows: string[][]) =>
  [columns, columns.map((_, index) => (index === 0 ? '---' : '---:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

function section({ title, method, verdicts, tables }: Finding): string {
  return [
    `## ${title}`,
    method,
    table(
      ['bar', 'measured', ''],
      verdicts.map(({ bar, figure, met }) => [bar, `**${figure}**`, met ? 'met' : '**missed**']),
    ),
    ...tables.flatMap(({ heading, columns, rows, note }) => [`${heading}:`, table(columns, rows), ...(note === undefined ? [] : [note])]),
  ].join('\n\n');
}

/** `bench/RESULTS.md`. */
export function report(
  { cores, memory, node, date, rounds, quick, temporalSettings, load, skipped }: Machine,
  findings: Finding[],
): string {
  const loads = load.map((value) => value.toFixed(1)).join(', ');
  return `${[
    '# Results',
    `Written by \`npm run bench -- --rounds ${String(rounds)} --write\` on ${date.toISOString().slice(0, 10)}: ${String(cores)} shared cores, ${show(memory / mebibyte / 1024)} GiB, Node ${node}, Linux.
One-minute load average before, and after each benchmark: ${loads}. The benchmarks themselves make 1 to 3 of it; what is above that are other programs.
Every comparison is interleaved: ${String(rounds)} rounds, the sides in turn, every other round in reverse order, on one Temporal dev server (SQLite, WAL, \`synchronous=FULL\`).
Figures are the median of the rounds, with the lowest and the highest round in brackets; a ratio is taken within each round.`,
    ...(quick ? ['**Made with `--quick`: shows that it runs, and not how fast.**'] : []),
    ...temporalSettings.map((setting) => `With the Temporal setting \`${setting}\`, which \`npm start\` does not make.`),
    ...skipped.map((reason) => `Skipped: ${reason}.`),
    ...findings.map(section),
  ].join('\n\n')}\n`;
}

export function summary(findings: Finding[]): string {
  return findings
    .flatMap(({ title, verdicts }) =>
      verdicts.map(({ bar, figure, met }) => `${met ? 'met   ' : 'MISSED'}  ${title}: ${figure}; bar: ${bar}`),
    )
    .join('\n');
}
