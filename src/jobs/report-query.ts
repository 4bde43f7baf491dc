import { z } from 'zod';

import { AppError, type FieldError } from '../errors.ts';
import type { Cell } from './report-sources.ts';

const scalar = z.union([z.string().max(2_000), z.number(), z.boolean(), z.null()]);
const parameterName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/);

const property = z.strictObject({
  type: z.enum(['string', 'integer', 'number', 'boolean']),
  format: z.enum(['date', 'date-time']).optional().meta({ description: 'Of a string: it is bound as a date, or as a time with zone.' }),
  enum: z.array(scalar).min(1).max(100).optional(),
  default: scalar.optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  minLength: z.int().min(0).optional(),
  maxLength: z.int().min(0).optional(),
  title: z.string().max(200).optional(),
  description: z.string().max(500).optional(),
});
type Property = z.infer<typeof property>;

const parametersSchema = z
  .strictObject({
    type: z.literal('object').optional(),
    properties: z.record(parameterName, property),
    required: z.array(z.string()).max(50).optional(),
    additionalProperties: z.literal(false).optional(),
  })
  .meta({ id: 'ReportParametersSchema', description: 'What parameters there are: a small part of JSON Schema. Others are refused.' });

export const reportQuery = z
  .strictObject({
    sql: z.string().min(1).max(8_000).meta({ description: 'One SELECT in the SQL of DuckDB. `$name` is a parameter.' }),
    parameters: z
      .record(parameterName, scalar)
      .refine((values) => Object.keys(values).length <= 50, 'has more than 50 parameters')
      .optional()
      .meta({ description: 'Values by name. They are bound, never pasted into the text.' }),
    parametersSchema: parametersSchema.optional(),
  })
  .meta({ id: 'ReportQuery' });
export type ReportQuery = z.infer<typeof reportQuery>;

export interface BoundParameter {
  name: string;
  /** Of the column type that it is bound as. */
  type: 'text' | 'integer' | 'number' | 'boolean' | 'date' | 'time';
  value: Cell;
  /** Tables of data sources use it: the query need not. */
  tables?: true;
}

/** Values and defaults with their types. Without a schema a value has the type that it has in JSON. @throws AppError `invalid_request` with pointers. */
export function boundParameters({ parameters = {}, parametersSchema: schema }: ReportQuery): BoundParameter[] {
  if (schema === undefined) return Object.entries(parameters).map(([name, value]) => ({ name, type: typeInJson(value), value }));
  const errors: FieldError[] = [];
  for (const name of Object.keys(parameters))
    if (!Object.hasOwn(schema.properties, name)) errors.push({ pointer: pointerTo(name), detail: 'is not in parametersSchema' });
  const bound = Object.entries(schema.properties).flatMap(([name, declared]): BoundParameter[] => {
    const given = Object.hasOwn(parameters, name) ? parameters[name] : declared.default;
    if (given === undefined) {
      if (schema.required?.includes(name) === true) errors.push({ pointer: pointerTo(name), detail: 'is required' });
      // Left out it is nothing: the query may name it all the same.
      return [{ name, type: typeOf(declared), value: null }];
    }
    const problem = given === null ? undefined : problemOf(given, declared);
    if (problem !== undefined) errors.push({ pointer: pointerTo(name), detail: problem });
    return [{ name, type: typeOf(declared), value: given }];
  });
  if (errors.length > 0) throw new AppError('invalid_request', 'The parameters do not fit their schema.', { errors });
  return bound;
}

const pointerTo = (name: string) => `/query/parameters/${name}`;

function typeInJson(value: Cell): BoundParameter['type'] {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'integer' : 'number';
  return typeof value === 'boolean' ? 'boolean' : 'text';
}

function typeOf({ type, format }: Property): BoundParameter['type'] {
  if (type !== 'string') return type;
  return format === undefined ? 'text' : format === 'date' ? 'date' : 'time';
}

function problemOf(value: string | number | boolean, declared: Property): string | undefined {
  const { type, format, enum: allowed, minimum = -Infinity, maximum = Infinity, minLength = 0, maxLength = Infinity } = declared;
  const fits = type === 'integer' ? Number.isSafeInteger(value) : typeof value === type;
  if (!fits) return `must be of type ${type}`;
  if (allowed?.includes(value) === false) return 'is none of the values of enum';
  if (typeof value === 'number' && (value < minimum || value > maximum)) return 'is outside of minimum and maximum';
  if (typeof value !== 'string') return undefined;
  const { length } = Array.from(value);
  if (length < minLength || length > maxLength) return 'is shorter or longer than allowed';
  if (format === 'date' && !z.iso.date().safeParse(value).success) return 'must be a date like 2026-01-31';
  if (format === 'date-time' && !z.iso.datetime({ offset: true }).safeParse(value).success)
    return 'must be a time like 2026-01-31T12:00:00Z';
  return undefined;
}
