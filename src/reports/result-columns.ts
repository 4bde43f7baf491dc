import type { ColumnKind } from '../jobs/report-columns.ts';
import { quoted } from './sql-text.ts';

export interface Column {
  name: string;
  /** As DuckDB writes it. */
  type: string;
}

const nested = (type: string) => /^(STRUCT|MAP|UNION|VARIANT|JSON)\b|\]$/.test(type);
/** What Parquet holds inexactly, or not at all. */
const foreignToParquet = /HUGEINT|BIGNUM|INTERVAL|\bBIT\b|UNION|ENUM|VARIANT|GEOMETRY|TIME WITH TIME ZONE|TIME_NS|"NULL"/;

/** A column as Parquet can hold it without loss. */
export function forParquet({ name, type }: Column): string {
  const column = quoted(name);
  // A time stamp with a zone is one of its own; only the time of day has none.
  const plain = type.replaceAll('TIMESTAMP WITH TIME ZONE', '');
  if (!foreignToParquet.test(plain)) return column;
  if (nested(type)) return `to_json(${column}) as ${column}`;
  if (/^U?HUGEINT$/.test(type)) return `cast(${column} as decimal(38, 0)) as ${column}`;
  return `cast(${column} as varchar) as ${column}`;
}

/** How a value comes into JavaScript: as it is, as a numeral, as text, or as text that is JSON. */
export type Carriage = 'value' | 'numeral' | 'text' | 'json';

/** A column of a result, written so that nothing is lost on the way into JavaScript. */
export function forCells({ name, type }: Column): { expression: string; carriage: Carriage; kind: ColumnKind } {
  const column = quoted(name);
  const text = `cast(${column} as varchar)`;
  if (type === 'BOOLEAN') return { expression: column, carriage: 'value', kind: 'boolean' };
  if (/^(DOUBLE|U?(TINYINT|SMALLINT|INTEGER))$/.test(type)) return { expression: column, carriage: 'value', kind: 'number' };
  // The shortest numeral of a float, not what it is as a double: 0.1, not 0.10000000149011612.
  if (type === 'FLOAT') return { expression: `cast(${text} as double)`, carriage: 'value', kind: 'number' };
  if (/^(U?BIGINT|DECIMAL\(.*\))$/.test(type)) return { expression: text, carriage: 'numeral', kind: 'number' };
  if (type === 'TIMESTAMP WITH TIME ZONE')
    return { expression: `regexp_replace(${text}, '[+]00$', 'Z')`, carriage: 'text', kind: 'instant' };
  if (type === 'BLOB') return { expression: `base64(${column})`, carriage: 'text', kind: 'bytes' };
  // As it was written, but in one line: written anew, long numbers would change. Within its texts there are no bare line ends.
  if (type === 'JSON') return { expression: `translate(${text}, chr(10) || chr(13), '  ')`, carriage: 'json', kind: 'json' };
  if (nested(type)) return { expression: `cast(to_json(${column}) as varchar)`, carriage: 'json', kind: 'json' };
  return { expression: text, carriage: 'text', kind: kindOfText(type) };
}

/** What to select so that the value of `forCells` arrives: its way into JavaScript takes a U+FEFF off the beginning of a text. */
export function forReading(column: Column): string {
  const { expression } = forCells(column);
  if (column.type !== 'VARCHAR') return expression;
  return `case when starts_with(${expression}, chr(65279)) then chr(65279) || ${expression} else ${expression} end`;
}

function kindOfText(type: string): ColumnKind {
  if (type === 'DATE') return 'date';
  if (type === 'TIME') return 'time';
  return type.startsWith('TIMESTAMP') ? 'datetime' : 'text';
}
