import { Ajv2020 } from 'ajv/dist/2020.js';

import type { OpenApi } from './openapi.ts';

/** Fields beside the described ones are welcome there. */
const open = new Set(['Problem']);

/** A field that nobody has described is a fault, too: so every other object is closed. */
function closed(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => closed(item));
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, closed(inner, key)]));
  if ('properties' in copy && copy['additionalProperties'] === undefined && !open.has(name)) copy['additionalProperties'] = false;
  return copy;
}

/** Compares answers with the schemas of the document. @returns what is wrong, or nothing. */
export function answerChecker(document: OpenApi): (schema: object, body: unknown) => string | undefined {
  // The formats of the document are words for its readers; patterns and types are checked.
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema({ $id: 'document', components: closed(document.components) });
  const compiled = new Map<object, ReturnType<typeof ajv.compile>>();
  return (schema, body) => {
    const text = JSON.stringify(closed(schema)).replaceAll('"#/', '"document#/');
    const validate = compiled.get(schema) ?? ajv.compile(JSON.parse(text) as object);
    compiled.set(schema, validate);
    if (validate(body)) return undefined;
    const faults = (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath || '/'} ${String(message)} ${JSON.stringify(params)}`,
    );
    return [...new Set(faults)].join('\n');
  };
}
