import { type DestinationStream, pino } from 'pino';

import type { Config } from './config.ts';
import { namesCredential, redacted, withoutCredentials } from './secret-shapes.ts';

/** Structured log, one JSON object a line on standard error. Never given bodies, addresses, keys or upstream messages. */
export interface Log {
  debug(facts: Record<string, unknown>, message: string): void;
  info(facts: Record<string, unknown>, message: string): void;
  warn(facts: Record<string, unknown>, message: string): void;
  error(facts: Record<string, unknown>, message: string): void;
}

/** What JSON leaves as it is and terminals or viewers obey: C1 controls, line and paragraph separators, changes of direction. */

const obeyed = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const harmless = (text: string) =>
  withoutCredentials(text).replace(obeyed, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

const maxDepth = 6;

/** A second look at what should not be there in the first place. */
function shown(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return harmless(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth > maxDepth) return '[…]';
  if (value instanceof Error) return shown(errorFacts(value), depth);
  if (Array.isArray(value)) return value.map((fact) => shown(fact, depth + 1));
  const facts = Object.entries(value).map(([name, fact]) => [harmless(name), namesCredential(name) ? redacted : shown(fact, depth + 1)]);
  return Object.fromEntries(facts);
}

/** @param destination default: standard error. */
export function createLog(level: Config['logLevel'], destination: DestinationStream = pino.destination({ dest: 2, sync: true })): Log {
  const formatters = { log: (facts: object) => shown(facts) as Record<string, unknown> };
  const inner = pino({ level, base: null, formatters }, destination);
  return {
    debug: (facts, message) => {
      inner.debug(facts, harmless(message));
    },
    info: (facts, message) => {
      inner.info(facts, harmless(message));
    },
    warn: (facts, message) => {
      inner.warn(facts, harmless(message));
    },
    error: (facts, message) => {
      inner.error(facts, harmless(message));
    },
  };
}

/** What of an error may be logged: its kind and where it arose; messages can quote what a user sent. */
export function errorFacts(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: typeof error };
  const { code } = error as { code?: unknown };
  // A message can have lines that look like places.
  const at = error.stack
    ?.replace(error.message, '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 6)
    .map((line) => line.trim());
  return {
    error: error.name,
    ...(code !== undefined && { code }),
    at,
    ...(error.cause !== undefined && { cause: errorFacts(error.cause) }),
  };
}
