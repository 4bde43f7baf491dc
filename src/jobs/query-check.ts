import { AppError, type FieldError, invalid } from '../errors.ts';
import type { ReportQuery } from './report-query.ts';

/**
 * Reads the text of a query, without any data.
 * @param tables that it may name; undefined: nobody knows them yet
 * @returns names of its parameters
 * @throws AppError `query_invalid`; `overloaded` when it can't be read soon
 */
export type ReadQuery = (sql: string, tables: readonly string[] | undefined) => Promise<readonly string[]>;

/** What tables a source makes, where it says so itself. */
export function tableNamesOf(source: object | undefined): string[] | undefined {
  if (source === undefined) return undefined;
  if ('rows' in source) return ['rows'];
  if ('fileId' in source) return ['source'];
  return 'files' in source ? (source.files as { name: string }[]).map(({ name }) => name) : undefined;
}

/** Whether the job could run it, as far as its text tells. @param elsewhere parameters that tables may use. @throws AppError `query_invalid` with pointers; as `read` */
export async function assertQuery(
  read: ReadQuery,
  { sql, parameters = {}, parametersSchema: schema }: ReportQuery,
  tables: readonly string[] | undefined,
  elsewhere: ReadonlySet<string> = new Set(),
): Promise<void> {
  const used = await read(sql, tables).catch((error: unknown) => {
    throw error instanceof AppError && error.code === 'query_invalid' ? invalid('/query/sql', error.message, error.code) : error;
  });
  const known = Object.keys(schema?.properties ?? parameters);
  const place = schema === undefined ? '/query/parameters' : '/query/parametersSchema/properties';
  const errors: FieldError[] = [
    ...used
      .filter((name) => !known.includes(name))
      .map((name) => ({ pointer: '/query/sql', detail: `there is no ${schema ? 'declaration of' : 'value for'} the parameter $${name}` })),
    ...known
      .filter((name) => !used.includes(name) && !elsewhere.has(name))
      .map((name) => ({ pointer: `${place}/${name}`, detail: `the query has no parameter $${name}` })),
  ];
  const [first] = errors;
  if (first !== undefined) throw new AppError('query_invalid', `${first.pointer}: ${first.detail}`, { errors });
}
