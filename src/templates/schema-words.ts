/** Whose value is a schema; a list of them; schemas by name. */
export const holdsOne = new Set([
  'items',
  'contains',
  'additionalProperties',
  'unevaluatedProperties',
  'unevaluatedItems',
  'propertyNames',
  'not',
  'if',
  'then',
  'else',
]);
export const holdsList = new Set(['prefixItems', 'allOf', 'anyOf', 'oneOf']);
export const holdsNamed = new Set(['properties', '$defs', 'dependentSchemas']);

const isText = (value: unknown) => typeof value === 'string';
const isSwitch = (value: unknown) => typeof value === 'boolean';
const isNumber = (value: unknown) => typeof value === 'number';
const isCount = (value: unknown) => Number.isInteger(value) && Number(value) >= 0;
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);
const types = new Set<unknown>(['array', 'boolean', 'integer', 'null', 'number', 'object', 'string']);
const isType = (value: unknown) => (Array.isArray(value) ? value.length > 0 && value.every((one) => types.has(one)) : types.has(value));
const isTextsByName = (value: unknown) => typeof value === 'object' && value !== null && Object.values(value).every(isTexts);
const isAnything = () => true;

/** Those that could take no long time, and what their values must be. */
export const plainWords: Readonly<Record<string, (value: unknown) => boolean>> = {
  $schema: isText,
  $comment: isText,
  title: isText,
  description: isText,
  default: isAnything,
  examples: Array.isArray,
  deprecated: isSwitch,
  readOnly: isSwitch,
  writeOnly: isSwitch,
  type: isType,
  format: isText,
  const: isAnything,
  enum: Array.isArray,
  required: isTexts,
  dependentRequired: isTextsByName,
  minProperties: isCount,
  maxProperties: isCount,
  minItems: isCount,
  maxItems: isCount,
  minContains: isCount,
  maxContains: isCount,
  minimum: isNumber,
  maximum: isNumber,
  exclusiveMinimum: isNumber,
  exclusiveMaximum: isNumber,
  multipleOf: (value) => typeof value === 'number' && value > 0,
  minLength: isCount,
  maxLength: isCount,
};

/** Those that are checked in a time that grows with the text, and not faster. */
export const formats = new Set(['date', 'time', 'date-time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uuid']);

/** What somebody may well have in a schema, and why we can't take it. */
export const refusedWords: Readonly<Record<string, string>> = {
  pattern: 'is not taken: some patterns take for ever; use format, enum or minLength and maxLength',
  patternProperties: 'is not taken: some patterns take for ever',
  uniqueItems: 'is not taken: comparing everything with everything takes too long',
  $id: 'is not taken: a schema is complete',
  $anchor: 'is not taken: use $ref with #/$defs/…',
  $dynamicRef: 'is not taken: use $ref with #/$defs/…',
  $dynamicAnchor: 'is not taken: use $ref with #/$defs/…',
};

export const dialect = 'https://json-schema.org/draft/2020-12/schema';
