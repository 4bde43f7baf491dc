import type { FieldError } from '../errors.ts';
import { dialect, formats, holdsList, holdsNamed, holdsOne, plainWords, refusedWords } from './schema-words.ts';

export type JsonSchema = boolean | { readonly [word: string]: unknown };

const maxDepth = 20;
/** Schemas within a schema, each as often as it is referred to. */
const maxCost = 2_000;
const maxDefinitions = 200;
const maxErrors = 20;

const escapedWord = (word: string) => word.replaceAll('~', '~0').replaceAll('/', '~1');
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isSchema = (value: unknown): value is JsonSchema => typeof value === 'boolean' || isObject(value);

/** Something is wrong with a schema, at one place. */
class Refused extends Error {
  readonly fault: FieldError;

  constructor(pointer: string, detail: string) {
    super(detail);
    this.fault = { pointer, detail };
  }
}

interface Walk {
  definitions: Record<string, unknown>;
  /** Of definitions; undefined while one is being looked at. */
  costs: Map<string, number | undefined>;
  faults: FieldError[];
}

function costOfReference(walk: Walk, reference: unknown, at: string): number {
  const name = typeof reference === 'string' ? /^#\/\$defs\/([^/]+)$/.exec(reference)?.[1] : undefined;
  const key = name?.replaceAll('~1', '/').replaceAll('~0', '~');
  if (key === undefined || !Object.hasOwn(walk.definitions, key)) throw new Refused(at, 'must be #/$defs/… of this schema');
  if (!walk.costs.has(key)) {
    walk.costs.set(key, undefined);
    // Told once, if something is wrong with it.
    let cost = 0;
    try {
      cost = costOf(walk, walk.definitions[key], `/$defs/${escapedWord(key)}`, 1);
    } finally {
      walk.costs.set(key, cost);
    }
  }
  const cost = walk.costs.get(key);
  if (cost === undefined) throw new Refused(at, 'refers to itself: schemas without end are not taken');
  return cost;
}

function costOfWord(walk: Walk, word: string, value: unknown, at: string, depth: number): number {
  const each = (all: [string, unknown][]) =>
    all.reduce((sum, [name, one]) => sum + costOf(walk, one, `${at}/${escapedWord(name)}`, depth), 0);
  const refused = Object.hasOwn(refusedWords, word) ? refusedWords[word] : undefined;
  if (refused !== undefined) throw new Refused(at, refused);
  if (word === '$ref') return costOfReference(walk, value, at);
  if (holdsOne.has(word)) return costOf(walk, value, at, depth);
  if (holdsList.has(word) && Array.isArray(value)) return each(Object.entries(value));
  if (holdsNamed.has(word) && isObject(value)) return word === '$defs' ? 0 : each(Object.entries(value));
  if (word === 'format' && !formats.has(String(value))) throw new Refused(at, `must be one of ${[...formats].join(', ')}`);
  if (word === '$schema' && value !== dialect) throw new Refused(at, `must be ${dialect}`);
  const fits = Object.hasOwn(plainWords, word) ? plainWords[word] : undefined;
  if (fits === undefined) throw new Refused(at, 'is no keyword that is known here, or has no value of its kind');
  if (!fits(value)) throw new Refused(at, 'has no value that this keyword takes');
  return word === 'enum' && Array.isArray(value) ? value.length / 10 : 0;
}

function costOf(walk: Walk, schema: unknown, at: string, depth: number): number {
  if (!isSchema(schema)) throw new Refused(at, 'must be a schema: an object, true or false');
  if (depth > maxDepth) throw new Refused(at, `is nested more than ${String(maxDepth)} levels deep`);
  let cost = 1;
  for (const [word, value] of Object.entries(schema)) {
    try {
      cost += costOfWord(walk, word, value, `${at}/${escapedWord(word)}`, depth + 1);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      walk.faults.push(error.fault);
    }
    if (cost > maxCost || walk.faults.length >= maxErrors) break;
  }
  if (cost > maxCost) throw new Refused(at, 'is too large, counting each schema as often as it is referred to');
  return cost;
}

/**
 * How many schemas each value may have to be compared with. Whoever writes a schema decides how long checking takes: what could
 * take longer than its size tells is refused.
 * @returns faults with pointers into the schema, or its cost.
 */
export function costOfSchema(schema: unknown): { faults: FieldError[] } | { cost: number } {
  const definitions = isObject(schema) && isObject(schema['$defs']) ? schema['$defs'] : {};
  const walk: Walk = { definitions, costs: new Map(), faults: [] };
  try {
    if (Object.keys(definitions).length > maxDefinitions) throw new Refused('/$defs', `has more than ${String(maxDefinitions)} schemas`);
    const cost = costOf(walk, schema, '', 0);
    for (const name of Object.keys(definitions)) costOfReference(walk, `#/$defs/${escapedWord(name)}`, `/$defs/${escapedWord(name)}`);
    if (walk.faults.length === 0) return { cost };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    walk.faults.push(error.fault);
  }
  return { faults: walk.faults };
}
