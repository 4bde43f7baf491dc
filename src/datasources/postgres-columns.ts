import type { RemoteColumn, RemoteType } from '../jobs/data-sources.ts';

export interface PostgresField {
  name: string;
  dataTypeID: number;
  dataTypeModifier: number;
}

/** By the numbers of PostgreSQL's own catalog (pg_type.dat), which never change. All others come as the text that they have in SQL. */
const types: Readonly<Record<number, RemoteType>> = {
  16: 'BOOLEAN',
  17: 'HEX',
  20: 'BIGINT',
  21: 'SMALLINT',
  23: 'INTEGER',
  26: 'BIGINT',
  114: 'JSON',
  700: 'FLOAT',
  701: 'DOUBLE',
  1082: 'DATE',
  1083: 'TIME',
  1114: 'TIMESTAMP',
  1184: 'TIMESTAMP WITH TIME ZONE',
  1700: 'NUMERAL',
  2950: 'UUID',
  3802: 'JSON',
};

/** Of arrays: what their elements are in JSON. */
const elements: Readonly<Record<number, 'number' | 'boolean' | 'json' | 'text'>> = {
  199: 'json',
  1000: 'boolean',
  1005: 'number',
  1007: 'number',
  1009: 'text',
  1014: 'text',
  1015: 'text',
  1016: 'number',
  1021: 'number',
  1022: 'number',
  1115: 'text',
  1182: 'text',
  1183: 'text',
  1185: 'text',
  1231: 'number',
  2951: 'text',
  3807: 'json',
};

export type Convert = (text: string) => string;

const year = (text: string) => (text.endsWith(' BC') ? `${text.slice(0, -3)} (BC)` : text);
const converts: Readonly<Record<number, Convert>> = {
  16: (text) => (text === 't' ? 'true' : 'false'),
  17: (text) => text.slice(2),
  1082: year,
  1114: year,
  1184: year,
};

/** How a column comes to the engine; without a function its text is taken as it is. */
export function columnOf({ name, dataTypeID: id, dataTypeModifier }: PostgresField): {
  column: RemoteColumn;
  convert: Convert | undefined;
} {
  const element = elements[id];
  if (element !== undefined) return { column: { name, type: 'JSON' }, convert: (text) => jsonOf(text, element) };
  const type = types[id] ?? 'VARCHAR';
  const scale = type === 'NUMERAL' && dataTypeModifier >= 4 ? scaleOf(dataTypeModifier - 4) : 0;
  return { column: { name, type, ...(scale > 0 && { scale }) }, convert: converts[id] };
}

/** `numeric(p, s)`: eleven bits with a sign. */
const scaleOf = (modifier: number) => Math.min(38, Math.max(0, ((modifier & 0x7ff) ^ 1024) - 1024));

/** An array as PostgreSQL writes it, as JSON. Bounds that do not begin at 1 are left out. */
function jsonOf(text: string, element: 'number' | 'boolean' | 'json' | 'text'): string {
  let at = text.indexOf('{');
  const value = (bare: string, quotes: boolean): string => {
    if (!quotes && bare === 'NULL') return 'null';
    if (element === 'json') return bare;
    if (element === 'boolean') return bare === 't' ? 'true' : 'false';
    return element === 'number' && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(bare) ? bare : JSON.stringify(bare);
  };
  const list = (): string => {
    const items: string[] = [];
    at += 1;
    while (text[at] !== '}') {
      if (text[at] === ',') at += 1;
      if (text[at] === '{') items.push(list());
      else if (text[at] === '"') {
        const end = /"((?:[^"\\]|\\.)*)"/sy;
        end.lastIndex = at;
        const [whole = '"', inner = ''] = end.exec(text) ?? [];
        at += whole.length;
        items.push(value(inner.replaceAll(/\\(.)/gs, '$1'), true));
      } else {
        const from = at;
        while (at < text.length && text[at] !== ',' && text[at] !== '}') at += 1;
        items.push(value(text.slice(from, at), false));
        if (at >= text.length) return `[${items.join(',')}]`;
      }
    }
    at += 1;
    return `[${items.join(',')}]`;
  };
  return list();
}
