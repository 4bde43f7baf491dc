import { pino } from 'pino';

import type { Config } from './config.ts';

/** Structured log, one JSON object a line on standard error. Never given bodies, addresses, keys or upstream messages. */
export interface Log {
  debug(facts: Record<string, unknown>, message: string): void;
  info(facts: Record<string, unknown>, message: string): void;
  warn(facts: Record<string, unknown>, message: string): void;
  error(facts: Record<string, unknown>, message: string): void;
}

export function createLog(level: Config['logLevel']): Log {
  return pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
}

/** What of an error may be logged: its kind and where it arose; messages can quote what a user sent. */
export function errorFacts(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: typeof error };
  const { code } = error as { code?: unknown };
  const at = error.stack
    ?.split('\n')
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
