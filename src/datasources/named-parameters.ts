import { AppError } from '../errors.ts';
import type { Cell } from '../jobs/report-sources.ts';
import type { SqlDialect, SqlPieces } from '../jobs/sql-parameters.ts';

/**
 * `$name` as the driver has it: `$1` or `?`. Values stay apart from the text; a place that is not recognised stays as it is, and is
 * then an error of the data source.
 * @throws AppError `query_invalid` when a value is missing or left over
 */
export function boundText(
  sql: string,
  parameters: Readonly<Record<string, Cell>>,
  dialect: SqlDialect,
  pieces: SqlPieces,
): { text: string; values: Cell[] } {
  const values: Cell[] = [];
  const places = new Map<string, number>();
  const used = new Set<string>();
  let bound = '';
  for (const { text, parameter: name } of pieces(sql, dialect)) {
    if (name === undefined) {
      bound += text;
      continue;
    }
    if (!Object.hasOwn(parameters, name)) throw new AppError('query_invalid', `There is no value for the parameter $${name} of the query.`);
    used.add(name);
    const value = parameters[name] ?? null;
    if (dialect !== 'postgresql') {
      values.push(value);
      bound += '?';
      continue;
    }
    const place = places.get(name) ?? values.push(value);
    places.set(name, place);
    bound += `$${String(place)}`;
  }
  const left = Object.keys(parameters).find((name) => !used.has(name));
  if (left !== undefined) throw new AppError('query_invalid', `The query has no parameter $${left}.`);
  return { text: bound, values };
}
