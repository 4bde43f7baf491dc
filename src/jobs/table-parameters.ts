import { AppError, type FieldError, invalid } from '../errors.ts';
import type { BoundParameter } from './report-query.ts';
import type { Cell } from './report-sources.ts';
import { parametersIn, parametersInAny, type SqlDialect } from './sql-parameters.ts';

interface TableText {
  sql: string;
  parameters: Readonly<Record<string, Cell>>;
  place: string;
}

/** The texts that go to data sources. */
function textsOf(source: object | undefined): TableText[] {
  const tables = source !== undefined && 'tables' in source ? (source.tables as object[]) : [source ?? {}];
  return tables.flatMap((table, index): TableText[] => {
    const { dataSource, sql, parameters = {} } = table as Partial<TableText> & { dataSource?: unknown };
    if (dataSource === undefined || sql === undefined) return [];
    return [{ sql, parameters, place: table === source ? '/source' : `/source/tables/${String(index)}` }];
  });
}

/** Names that texts for data sources have anywhere, in comments too: where those are, only the data source can say. */
export function namesInTables(source: object | undefined): ReadonlySet<string> {
  return new Set(textsOf(source).flatMap(({ sql }) => Array.from(sql.matchAll(/\$([A-Za-z_]\w*)/g), ([, name = '']) => name)));
}

/** Before anybody knows the data source, or any values. @throws AppError `query_invalid` with pointers */
export function assertTableParameters(source: object | undefined, declared: readonly string[]): void {
  const errors = textsOf(source).flatMap(({ sql, parameters, place }): FieldError[] =>
    parametersInAny(sql)
      .filter((name) => !declared.includes(name) && !Object.hasOwn(parameters, name))
      .map((name) => ({ pointer: `${place}/sql`, detail: `there is no declaration of the parameter $${name}` })),
  );
  const [first] = errors;
  if (first !== undefined) throw new AppError('query_invalid', `${first.pointer}: ${first.detail}`, { errors });
}

/**
 * Values for the text of a table: its own, and for what those leave out the parameters of the query.
 * @throws AppError `query_invalid` with a pointer
 */
export function tableParameters(
  { sql, parameters, place }: TableText,
  dialect: SqlDialect,
  shared: readonly BoundParameter[],
): Record<string, Cell> {
  const names = parametersIn(sql, dialect);
  const left = Object.keys(parameters).find((name) => !names.has(name));
  if (left !== undefined) throw invalid(`${place}/parameters/${left}`, `the query has no parameter $${left}`, 'query_invalid');
  const values = Array.from(names, (name): [string, Cell] => {
    if (Object.hasOwn(parameters, name)) return [name, parameters[name] ?? null];
    const found = shared.find((one) => one.name === name);
    if (found === undefined) throw invalid(`${place}/sql`, `there is no value for the parameter $${name}`, 'query_invalid');
    return [name, valueOf(found)];
  });
  return Object.fromEntries(values);
}

/** A time as all of these databases read it, whatever the type of the column: sessions are in UTC. */
function valueOf({ type, value }: BoundParameter): Cell {
  if (type !== 'time' || value === null) return value;
  return new Date(String(value))
    .toISOString()
    .replace('T', ' ')
    .replace(/(\.000)?Z$/, '');
}
