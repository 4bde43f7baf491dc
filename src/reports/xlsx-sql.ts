import type { HeldColumn } from '../../activities/report-table.ts';
import type { AppError } from '../errors.ts';
import { forCells } from './result-columns.ts';
import { cellProblem } from './rows.ts';
import { literal } from './sql-text.ts';
import { styled } from './xlsx-cells.ts';
import { type SheetColumn, shapeOf } from './xlsx-columns.ts';

// The same as rowXml of xlsx-cells.ts, as SQL: the engine writes rows many times faster than they come into JavaScript.

const notInXml = '[\\x00-\\x08\\x0b-\\x1f\\x{fffe}\\x{ffff}]';
const formula = '^[=+\\-@\\x00\\t\\n\\r\\x{ff1d}\\x{ff0b}\\x{ff0d}\\x{ff20}]';
const outerSpace = '^[ \\t\\n\\r]|[ \\t\\n\\r]$';
/** All that needs more than entities; seldom there, so that one look tells it of nearly all texts. */
const unusual = `_x|${notInXml}|${formula}|${outerSpace}`;
const controls = [...Array.from({ length: 32 }, (_, code) => code).filter((code) => code !== 9 && code !== 10), 0xfffe, 0xffff];

const matches = (text: string, pattern: string) => `regexp_matches(${text}, ${literal(pattern)})`;
const problem = 'unwritable cell';
/** Ends the query. */
const refusal = (index: number, length = '-1') => `error(concat('${problem} ', row, ' ${String(index)} ', ${length}))`;

function escaped(text: string): string {
  const underscores = `case when contains(${text}, '_x') then regexp_replace(${text}, '_(x[0-9A-Fa-f]{4})', '_x005F_\\1', 'g') else ${text} end`;
  const entities = withEntities(underscores);
  const all = controls.reduce(
    (inner, code) => `replace(${inner}, chr(${String(code)}), '_x${code.toString(16).toUpperCase().padStart(4, '0')}_')`,
    entities,
  );
  return `case when ${matches(text, notInXml)} then ${all} else ${entities} end`;
}

const withEntities = (text: string) => `replace(replace(replace(${text}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')`;

const inline = (style: number, space = '') => `${styled(style)} t="inlineStr"><is><t${space}>`;

/** @param index of the column, for messages @param maxLength in UTF-16 units */
function textParts(
  text: string,
  { style, quotedStyle }: Pick<SheetColumn, 'style' | 'quotedStyle'>,
  index: number,
  maxLength: number,
): string[] {
  const units = `(length(${text}) + length(regexp_replace(${text}, '[^\\x{10000}-\\x{10ffff}]', '', 'g')))`;
  const attributes = `case when ${matches(text, formula)} then ${literal(styled(quotedStyle))} else ${literal(styled(style))} end`;
  const space = `case when ${matches(text, outerSpace)} then ' xml:space="preserve"' else '' end`;
  const value = `case
    when strlen(${text}) > ${String(maxLength)} and ${units} > ${String(maxLength)} then ${refusal(index, units)}
    when ${matches(text, unusual)} then concat(${attributes}, ' t="inlineStr"><is><t', ${space}, '>', ${escaped(text)})
    when contains(${text}, '&') or contains(${text}, '<') or contains(${text}, '>') then concat(${literal(inline(style))}, ${withEntities(text)})
    else concat(${literal(inline(style))}, ${text}) end`;
  return [value, `'</t></is></c>'`];
}

/** Numbers of more than 15 digits are text. */
function numberParts(value: string, type: string, { style, textStyle }: SheetColumn): string[] {
  const asNumber = [literal(`${styled(style)}><v>`), value, `'</v></c>'`];
  const [digits = 0, scale = 0] = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type)?.slice(1).map(Number) ?? (/BIGINT/.test(type) ? [20, 0] : []);
  if (digits <= 15) return asNumber;
  const bound = scale <= 15 ? `1${'0'.repeat(15 - scale)}` : `0.${'0'.repeat(scale - 16)}1`;
  const text = `concat(${literal(inline(textStyle))}, ${value}, '</t></is></c>')`;
  return [`case when ${value} < ${bound} and ${value} > -${bound} then concat(${asNumber.join(', ')}) else ${text} end`];
}

function dateParts(value: string, type: string, { style, textStyle, quotedStyle }: SheetColumn): string[] {
  const local = type === 'TIMESTAMP WITH TIME ZONE' ? `(${value} at time zone 'UTC')` : value;
  const days = `(cast(${local} as date) - date '1899-12-30')`;
  const serial = type === 'DATE' ? days : `${days} + epoch_us(cast(${local} as time)) / 86400000000.0`;
  const inRange = `isfinite(${value}) and ${value} >= '1900-03-01' and ${value} < '10000-01-01'`;
  const { expression } = forCells({ name: value, type });
  // "-infinity" looks like a formula.
  const start = `case when ${value} = '-infinity' then ${literal(inline(quotedStyle))} else ${literal(inline(textStyle))} end`;
  const text = `concat(${start}, ${expression}, '</t></is></c>')`;
  return [`case when ${inRange} then concat(${literal(`${styled(style)}><v>`)}, ${serial}, '</v></c>') else ${text} end`];
}

function timeParts(value: string, { style, textStyle }: SheetColumn): string[] {
  const text = `concat(${literal(inline(textStyle))}, ${value}, '</t></is></c>')`;
  return [
    `case when ${value} < '24:00:00' then concat(${literal(`${styled(style)}><v>`)}, epoch_us(${value}) / 86400000000.0, '</v></c>') else ${text} end`,
  ];
}

function valueParts(one: SheetColumn, { sql, type }: HeldColumn, index: number, maxLength: number): string[] {
  switch (one.shape) {
    case 'number': {
      const exact = type === 'FLOAT' ? `cast(cast(${sql} as varchar) as double)` : sql;
      const value = /^(FLOAT|DOUBLE)$/.test(type) ? `case when isfinite(${sql}) then ${exact} else ${refusal(index)} end` : exact;
      return numberParts(value, type, one);
    }
    case 'boolean':
      return [literal(`${styled(one.style)} t="b"><v>`), `cast(${sql} as utinyint)`, `'</v></c>'`];
    case 'date':
      return dateParts(sql, type, one);
    case 'time':
      return timeParts(sql, one);
    case 'text':
    case 'link':
    case 'mixed':
      return textParts(forCells({ name: sql, type }).expression, one, index, maxLength);
  }
}

/** The XML of a row, for `HeldRows.write`; undefined when the engine can't write one of the columns as it is wanted. */
export function rowExpression(columns: readonly SheetColumn[], held: readonly HeldColumn[], maxLength: number): string | undefined {
  const parts: string[] = [];
  for (const [index, one] of columns.entries()) {
    const source = held[index];
    if (source === undefined || one.shape !== shapeOf({ kind: one.column.kind })) return undefined;
    // The row number ends the reference: the parts begin with what follows it, its closing quote first.
    const cell = [literal(`<c r="${one.letters}`), 'n', `'"'`, ...valueParts(one, source, index, maxLength)];
    if (source.mayBeNull) parts.push(`case when ${source.sql} is null then '' else concat(${cell.join(', ')}) end`);
    else parts.push(...cell);
  }
  return `concat('<row r="', n, '">', ${parts.join(', ')}, '</row>')`;
}

/** What a refusal of such an expression means. */
export function refusedCell(error: unknown, columns: readonly SheetColumn[], maxLength: number): AppError | undefined {
  const found = new RegExp(`${problem} (\\d+) (\\d+) (-?\\d+)`).exec(String(error));
  if (found === null) return undefined;
  const [row, index, length] = found.slice(1).map(Number) as [number, number, number];
  return cellProblem({ row, column: columns[index]?.column.name ?? '', length: length < 0 ? undefined : length, maxTextLength: maxLength });
}
