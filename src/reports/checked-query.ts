import type { DuckDBConnection } from '@duckdb/node-api';

import { AppError } from '../errors.ts';

/** Functions in the place of a table that make rows out of nothing but their arguments. All others are refused. */
const tableFunctions = new Set(['range', 'generate_series', 'unnest', 'json_each', 'json_tree', 'repeat']);
/** Functions that tell about the process and not about the data. */
/** What a table of a report may be called. */
const plainName = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const refusedFunctions = new Set(['current_setting', 'getenv', 'getvariable', 'write_log', 'nextval', 'setseed']);

interface Parsed {
  error: boolean;
  error_type?: string;
  error_message?: string;
  statements?: { node: unknown; named_param_map?: { key: string }[] }[];
}

interface ParsedQuery {
  /** Without what stands at its end, so that it can stand within another statement. */
  text: string;
  /** As they are spelled first. */
  parameters: string[];
}

/** The text of a query, found good. @throws AppError `query_invalid` */
export async function checkedQuery(connection: DuckDBConnection, sql: string, tables: readonly string[]): Promise<string> {
  return (await parsedQuery(connection, sql, tables)).text;
}

/**
 * DuckDB's own parser says what it is: exactly one SELECT, over the tables given and no others.
 * @param tables undefined: nobody knows them yet
 * @throws AppError `query_invalid`
 */
export async function parsedQuery(connection: DuckDBConnection, sql: string, tables: readonly string[] | undefined): Promise<ParsedQuery> {
  const text = sql.replace(/[\s;]+$/, '');
  const [[json] = []] = (await connection.runAndReadAll('select json_serialize_sql($text::varchar)::varchar', { text })).getRows();
  const parsed = JSON.parse(String(json)) as Parsed;
  if (parsed.error) {
    throw refused(
      parsed.error_type === 'parser'
        ? `The query can't be parsed: ${parsed.error_message ?? ''}.`
        : 'The query must be a SELECT: nothing else is run.',
    );
  }
  const { statements = [] } = parsed;
  const [statement] = statements;
  if (statements.length !== 1) throw refused(`The query must be one SELECT; these are ${String(statements.length)} statements.`);
  const expressions = new Set<string>();
  walk(statements, ({ cte_map: map }) => {
    for (const { key } of (map as { map?: { key: string }[] } | undefined)?.map ?? []) expressions.add(key.toLowerCase());
  });
  const known = new Set([...(tables ?? []).map((table) => table.toLowerCase()), ...expressions]);
  // What is no table of this query may be one of a source that nobody knows yet, but no file.
  const isKnown = (place: string) => known.has(place.toLowerCase()) || (tables === undefined && plainName.test(place));
  walk(statements, (node) => {
    check(node, isKnown, tables ?? []);
  });
  // Together with the brackets around it the text must be one statement, too.
  const within = await connection.extractStatements(`select * from (${text}\n)`).catch(() => undefined);
  if (within?.count !== 1) throw refused('The query must be one SELECT that can stand in brackets.');
  return { text, parameters: (statement?.named_param_map ?? []).map(({ key }) => key) };
}

function check(node: Record<string, unknown>, isKnown: (place: string) => boolean, tables: readonly string[]): void {
  const named = (field: unknown) => (typeof field === 'string' ? field : '');
  if (node['type'] === 'BASE_TABLE') {
    const place = [node['catalog_name'], node['schema_name'], node['table_name']]
      .map(named)
      .filter((part) => part !== '')
      .join('.');
    if (!isKnown(place)) throw refused(`There is no table ${shown(place)}${among(tables)}.`);
  }
  if (node['type'] === 'SHOW_REF') throw refused('The query must be a SELECT: nothing else is run.');
  if (node['type'] === 'TABLE_FUNCTION') {
    const name = named((node['function'] as Record<string, unknown> | undefined)?.['function_name']).toLowerCase();
    if (!tableFunctions.has(name)) throw refused(`${shown(name)} is not allowed as a table: a query reads its sources only.`);
  }
  if (node['class'] === 'FUNCTION' && refusedFunctions.has(named(node['function_name']).toLowerCase()))
    throw refused(`The function ${shown(named(node['function_name']))} is not allowed.`);
}

function walk(node: unknown, visit: (node: Record<string, unknown>) => void): void {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) visit(node as Record<string, unknown>);
  for (const inner of Object.values(node)) walk(inner, visit);
}

function among(tables: readonly string[]): string {
  return tables.length === 0 ? '' : `; there ${tables.length === 1 ? 'is' : 'are'} ${tables.map(shown).join(', ')}`;
}

const shown = (name: string) => JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);

function refused(message: string): AppError {
  return new AppError('query_invalid', message);
}
