import { AppError } from '../errors.ts';
import type { Cell } from '../jobs/report-sources.ts';
import type { SqlPieces } from '../jobs/sql-parameters.ts';
import { boundText } from './named-parameters.ts';

const refused = (detail: string) => new AppError('query_invalid', detail);
const silent = /^(\s+|--|\/\*)/;

/**
 * One SELECT with its values. The file is opened to be read only: this is for what the library would overlook (a second statement,
 * a parameter without a value), and for what writes or tells elsewhere.
 * @throws AppError `query_invalid`
 */
export function sqliteStatement(
  sql: string,
  parameters: Readonly<Record<string, Cell>>,
  pieces: SqlPieces,
): { text: string; values: Cell[] } {
  // The library takes texts as far as the first of them.
  if ([sql, ...Object.values(parameters)].some((text) => typeof text === 'string' && text.includes('\0')))
    throw refused('The query, or a value of its parameters, has the character NUL.');
  // They know where the file is.
  if (/pragma_/i.test(sql)) throw refused('Tables and functions that begin with pragma_ are out of reach.');
  let first: string | undefined;
  let ended = false;
  for (const { text, parameter } of pieces(sql, 'sqlite')) {
    if (silent.test(text)) continue;
    if (text === ';') {
      ended = true;
      continue;
    }
    if (ended) throw refused('The query must be one statement.');
    if (parameter === undefined && /^[?:@$]/.test(text)) throw refused('A parameter stands as $name: ? and other signs are not taken.');
    first ??= text.toLowerCase();
  }
  if (!['select', 'with', 'values'].includes(first ?? '')) throw refused('The query must be a SELECT: nothing else is run.');
  return boundText(sql, parameters, 'sqlite', pieces);
}
