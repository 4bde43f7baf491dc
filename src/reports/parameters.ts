import {
  BIGINT,
  BOOLEAN,
  DATE,
  dateValue,
  DOUBLE,
  type DuckDBPreparedStatement,
  type DuckDBType,
  type DuckDBValue,
  TIMESTAMPTZ,
  timestampTZValue,
  VARCHAR,
} from '@duckdb/node-api';

import { AppError } from '../errors.ts';
import type { BoundParameter } from '../jobs/report-query.ts';

const types: Record<BoundParameter['type'], DuckDBType> = {
  text: VARCHAR,
  integer: BIGINT,
  number: DOUBLE,
  boolean: BOOLEAN,
  date: DATE,
  time: TIMESTAMPTZ,
};

const dayMs = 24 * 60 * 60 * 1000;

function valueOf({ type, value }: BoundParameter): DuckDBValue {
  if (value === null) return null;
  if (type === 'integer') return BigInt(value);
  if (type === 'date') return dateValue(Date.parse(String(value)) / dayMs);
  if (type === 'time') return timestampTZValue(BigInt(Date.parse(String(value))) * 1_000n);
  return value;
}

/** Gives each parameter of the statement its value. @throws AppError `query_invalid` when one is missing or left over */
export function bindParameters(statement: DuckDBPreparedStatement, parameters: readonly BoundParameter[]): void {
  const indices = new Map(Array.from({ length: statement.parameterCount }, (_, index) => [statement.parameterName(index + 1), index + 1]));
  for (const parameter of parameters) {
    const index = indices.get(parameter.name);
    if (index === undefined && parameter.tables === true) continue;
    if (index === undefined) throw new AppError('query_invalid', `The query has no parameter $${parameter.name}.`);
    indices.delete(parameter.name);
    if (parameter.value === null) statement.bindNull(index);
    else statement.bindValue(index, valueOf(parameter), types[parameter.type]);
  }
  const [missing] = indices.keys();
  if (missing !== undefined) throw new AppError('query_invalid', `There is no value for the parameter $${missing} of the query.`);
}
