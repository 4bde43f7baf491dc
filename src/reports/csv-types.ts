import type { DuckDBConnection } from '@duckdb/node-api';

import { quoted } from './sql-text.ts';

/** Kinds of columns, each with what to try when a value does not fit. Only what can be written back as it was: 007 and 1,5 are text. */
const kinds = {
  integer: { like: /^-?(0|[1-9]\d{0,17})$/, next: 'decimal' },
  decimal: { like: /^-?(0|[1-9]\d*)(\.\d+)?$/, next: 'double' },
  double: { like: /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/, next: 'text' },
  date: { like: /^\d{4}-\d\d-\d\d$/, next: 'text' },
  timestamp: { like: /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?$/, next: 'text' },
  time: { like: /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:?\d\d)?)$/, next: 'text' },
  boolean: { like: /^(true|false)$/i, next: 'text' },
  text: { like: /^/, next: 'text' },
} as const satisfies Record<string, { like: RegExp; next: string }>;
type Kind = keyof typeof kinds;
const order = Object.keys(kinds) as Kind[];

/** By the first rows; `typesIn` asks all of them. */
export function guessedKinds(columns: string[], sample: string[][]): Kind[] {
  return columns.map((_, index) => {
    const values = sample.map((row) => row[index] ?? '').filter((value) => value !== '');
    return values.length === 0 ? 'text' : (order.find((kind) => values.every((value) => kinds[kind].like.test(value))) ?? 'text');
  });
}

const decimalPattern = "'-?(0|[1-9][0-9]*)([.][0-9]+)?'";
const dateTimePattern = (zone: string) => `'[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?${zone}'`;

/** The SQL type of a column whose values are all of the kind; null when they are not. */
function proof(kind: Kind, column: string): string {
  const digits = `max(length(split_part(ltrim(${column}, '-'), '.', 1))) + max(length(split_part(${column}, '.', 2)))`;
  switch (kind) {
    case 'integer':
      return `if(bool_and(coalesce(try_cast(${column} as bigint)::varchar = ${column}, ${column} is null)), 'BIGINT', null)`;
    case 'decimal':
      return `if(bool_and(${column} is null or regexp_full_match(${column}, ${decimalPattern})) and ${digits} <= 38, format('DECIMAL({}, {})', if(${digits} <= 18, 18, 38), max(length(split_part(${column}, '.', 2)))), null)`;
    case 'double':
      return `if(bool_and(${column} is null or (regexp_full_match(${column}, '-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?') and isfinite(try_cast(${column} as double)))) and bool_or(contains(lower(${column}), 'e')), 'DOUBLE', null)`;
    case 'date':
      return `if(bool_and(coalesce(try_cast(${column} as date)::varchar = ${column}, ${column} is null)), 'DATE', null)`;
    case 'timestamp':
      return `if(bool_and(${column} is null or (regexp_full_match(${column}, ${dateTimePattern('')}) and try_cast(${column} as timestamp) is not null)), 'TIMESTAMP', null)`;
    case 'time':
      return `if(bool_and(${column} is null or (regexp_full_match(${column}, ${dateTimePattern('(Z|[+-][0-9][0-9](:?[0-9][0-9])?)')}) and try_cast(${column} as timestamptz) is not null)), 'TIMESTAMP WITH TIME ZONE', null)`;
    case 'boolean':
      return `if(bool_and(${column} is null or lower(${column}) in ('true', 'false')), 'BOOLEAN', null)`;
    case 'text':
      return `'VARCHAR'`;
  }
}

/** The SQL type of each column of `source`, whose columns are all text: every row is asked, so that none fails to convert later. */
export async function typesIn(connection: DuckDBConnection, source: string, columns: string[], guessed: Kind[]): Promise<string[]> {
  const types: (string | null)[] = columns.map(() => null);
  const kindOf = [...guessed];
  for (;;) {
    for (const [index, kind] of kindOf.entries()) if (kind === 'text') types[index] = 'VARCHAR';
    const open = types.flatMap((type, index) => (type === null ? [index] : []));
    if (open.length === 0) return types.map((type) => type ?? 'VARCHAR');
    const proofs = open.map((index) => proof(kindOf[index] ?? 'text', quoted(columns[index] ?? '')));
    const [row = []] = (await connection.runAndReadAll(`select ${proofs.join(', ')} from ${source}`)).getRows();
    for (const [at, index] of open.entries()) {
      const type = row[at];
      if (typeof type === 'string') types[index] = type;
      else kindOf[index] = kinds[kindOf[index] ?? 'text'].next;
    }
  }
}
