import type { RemoteColumn, RemoteType } from '../jobs/data-sources.ts';

export interface MysqlField {
  name: string;
  columnType?: number | undefined;
  characterSet?: number | undefined;
  decimals?: number | undefined;
  flags?: number | string[] | undefined;
}

/** By the numbers of the protocol. All others come as text. */
const types: Readonly<Record<number, RemoteType>> = {
  0: 'NUMERAL',
  1: 'SMALLINT',
  2: 'INTEGER',
  3: 'BIGINT',
  4: 'FLOAT',
  5: 'DOUBLE',
  7: 'TIMESTAMP WITH TIME ZONE',
  8: 'BIGINT',
  9: 'INTEGER',
  10: 'DATE',
  12: 'TIMESTAMP',
  13: 'SMALLINT',
  16: 'HEX',
  245: 'JSON',
  246: 'NUMERAL',
  255: 'HEX',
};
const texts = new Set([249, 250, 251, 252, 253, 254]);
const [binary, unsigned] = [63, 32];

export function columnOf({ name, columnType = 253, characterSet, decimals = 0, flags = 0 }: MysqlField): RemoteColumn {
  if (texts.has(columnType)) return { name, type: characterSet === binary ? 'HEX' : 'VARCHAR' };
  const isUnsigned = typeof flags === 'number' ? (flags & unsigned) !== 0 : flags.includes('UNSIGNED');
  const type = columnType === 8 && isUnsigned ? 'UBIGINT' : (types[columnType] ?? 'VARCHAR');
  return { name, type, ...(type === 'NUMERAL' && decimals > 0 && decimals <= 38 && { scale: decimals }) };
}

/** As text for the engine. A date that is none (`0000-00-00`) is nothing. */
export function textOf(value: unknown, { type }: RemoteColumn): string | null {
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return type === 'HEX' ? value.toString('hex') : value.toString('utf8');
  const text = typeof value === 'string' ? value : typeof value === 'bigint' ? value.toString() : JSON.stringify(value);
  if (type === 'HEX') return Buffer.from(text).toString('hex');
  return (type === 'DATE' || type.startsWith('TIMESTAMP')) && /^0000-|-00/.test(text) ? null : text;
}
