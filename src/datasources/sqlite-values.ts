import type { RemoteType } from '../jobs/data-sources.ts';

/** As SQLite numbers the types of values. */
const [integer, real, text, blob] = [1, 2, 3, 4];
/** Of a column, in bits: what its values were. */
const kinds = { integer: 1, long: 2, real: 4, text: 8, bytes: 16 } as const;

export type SqliteValue = number | bigint | string | Uint8Array | null;

/** A value as text for the engine, and which kind it was. */
export function writtenValue(value: SqliteValue, type: number): { text: string | null; kind: number } {
  if (type === integer)
    return { text: String(value), kind: typeof value === 'bigint' || !Number.isSafeInteger(value) ? kinds.long : kinds.integer };
  if (type === real) return { text: realText(Number(value)), kind: kinds.real };
  if (type === text) return { text: String(value), kind: kinds.text };
  if (type === blob) return { text: Buffer.from(value as Uint8Array).toString('hex'), kind: kinds.bytes };
  return { text: null, kind: 0 };
}

/** With a point, as SQLite writes it. */
const realText = (value: number) => (Number.isInteger(value) && Math.abs(value) < 1e15 ? value.toFixed(1) : String(value));

/** What holds all values of a column without a loss; undefined: there is nothing that does. */
export function columnType(seen: number): RemoteType | undefined {
  if (seen === 0) return 'VARCHAR';
  if ((seen & kinds.bytes) !== 0) return seen === kinds.bytes ? 'HEX' : undefined;
  if ((seen & kinds.text) !== 0) return 'VARCHAR';
  if ((seen & kinds.real) === 0) return 'BIGINT';
  return (seen & kinds.long) === 0 ? 'DOUBLE' : 'VARCHAR';
}
