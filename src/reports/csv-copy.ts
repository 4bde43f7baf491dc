import type { CsvOptions } from '../jobs/report-outputs.ts';
import { csvHead, lineEnds } from './csv.ts';
import type { ShownColumn } from './extracted-rows.ts';
import { forCells } from './result-columns.ts';
import { literal, quoted } from './sql-text.ts';

/** How the engine writes a table by itself. */
export interface CopyPlan {
  /** Of the SELECT. */
  expressions: string[];
  /** Of COPY. */
  options: string;
  /** What stands around rows, of which each ends with `newLine` when nothing is said: the head alone is a file without rows. */
  frame?: { head: string; newLine: string };
}

/** The engine's writer, told to write what `writeCsv` does, byte for byte; a test compares them. Only with a header. */
export function csvCopy(columns: readonly ShownColumn[], options: CsvOptions): CopyPlan {
  const { delimiter = ',', quote = 'minimal', lineEnd = 'crlf' } = options;
  // Without a value nothing stands there, but where every field is quoted, and in a line that would be blank.
  const bare = quote === 'minimal' && columns.length > 1;
  const head = csvHead(
    columns.map(({ shown }) => ({ ...shown, kind: 'mixed' })),
    options,
  );
  const newLine = lineEnds[lineEnd];
  return {
    expressions: columns.map((column) => {
      const field = fieldOf(column, options);
      return bare ? field : `coalesce(cast(${field} as varchar), '')`;
    }),
    options:
      `format csv, header false, delim ${literal(delimiter)}, quote '"', escape '"', ${quote === 'all' ? 'force_quote *, ' : ''}` +
      `new_line ${literal(JSON.stringify(newLine).slice(1, -1))}`,
    frame: { head, newLine },
  };
}

function fieldOf({ column }: ShownColumn, { formulas = 'guard' }: CsvOptions): string {
  const { expression, kind } = forCells(column);
  if (column.type === 'DOUBLE' || column.type === 'FLOAT') return asNumeral(expression);
  if (kind === 'boolean' || kind === 'number') return quoted(column.name);
  if (kind === 'time') return expression;
  const text = formulas === 'guard' ? withGuard(expression) : textOrNothing(expression);
  // Each mention of the text makes it anew, and of these only the one before all times begins like a formula.
  return datelike.test(column.type) ? `case when isinf(${quoted(column.name)}) then ${text} else ${expression} end` : text;
}

const datelike = /^(DATE|TIMESTAMP( WITH TIME ZONE)?)$/;

/** Empty text is nothing, too. */
const textOrNothing = (text: string) => `nullif(${text}, '')`;

const formula = String.raw`^[=+\-@\x00\t\n\r＝＋－＠]`;
const plainNumber = String.raw`[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?`;

/** Nearly all text is told by its first letter: only what stands before `A`, or from the full-width signs on, is looked at further. */
function withGuard(text: string): string {
  const dangerous = `regexp_matches(${text}, ${literal(formula)}) and not regexp_full_match(${text}, ${literal(plainNumber)})`;
  return `case when ${text} >= 'A' and ${text} < '＋' then ${text} when ${text} = '' then null when ${dangerous} then '''' || ${text} else ${text} end`;
}

/** Marks an error of ours in what the engine reports. */
export const notFinite = 'handoff: not finite';

/** As JavaScript writes a double: the fewest digits that give it back, with an exponent only from 1e21 on and below 1e-6. */
function asNumeral(column: string): string {
  const text = `cast(abs(${column}) as varchar)`;
  const mantissa = `regexp_replace(split_part(${text}, 'e', 1), '[.]0$', '')`;
  const figures = `replace(${mantissa}, '.', '')`;
  const exponent = `cast(split_part(${text}, 'e', 2) as integer)`;
  const sign = `case when ${column} < 0 then '-' else '' end`;
  const size = `abs(${column})`;
  return [
    // Nearly all are told by the first two.
    `case when ${size} < 1e15 and ${column} = trunc(${column}) then cast(cast(${column} as bigint) as varchar)`,
    `when ${size} >= 1e-4 and ${size} < 1e15 then cast(${column} as varchar)`,
    `when ${column} is null then null`,
    `when not isfinite(${column}) then error(${literal(notFinite)})`,
    `when not contains(${text}, 'e') then ${sign} || ${mantissa}`,
    `when ${size} >= 1e15 and ${size} < 1e21 then ${sign} || rpad(${figures}, ${exponent} + 1, '0')`,
    `when ${size} < 1e-4 and ${size} >= 1e-6 then ${sign} || '0.' || repeat('0', -${exponent} - 1) || ${figures}`,
    `else ${sign} || ${mantissa} || regexp_replace(${text}, '^.*e([+-])0*', 'e\\1') end`,
  ].join(' ');
}
