import type { Engine } from './clamd-reply.ts';

/** How it is with the virus scanner, for whoever looks after it. */
export interface ScannerStanding {
  /** outdated: it works, with signatures that are older than they should be. */
  state: 'ok' | 'outdated' | 'unreachable';
  /** null: it does not tell. */
  databaseAgeDays: number | null;
}

export interface StandingOptions {
  engine: (signal: AbortSignal) => Promise<Pick<Engine, 'databaseDate'>>;
  maxDatabaseDays: number;
  now?: () => number;
}

const dayMs = 86_400_000;
/** Whoever asks for readiness does not wait for long. */
const patienceMs = 3_000;

export async function scannerStanding({ engine, maxDatabaseDays, now = Date.now }: StandingOptions): Promise<ScannerStanding> {
  const known = await engine(AbortSignal.timeout(patienceMs)).catch(() => undefined);
  if (known === undefined) return { state: 'unreachable', databaseAgeDays: null };
  if (known.databaseDate === null) return { state: 'ok', databaseAgeDays: null };
  const days = Math.max(0, (now() - Date.parse(known.databaseDate)) / dayMs);
  return { state: days > maxDatabaseDays ? 'outdated' : 'ok', databaseAgeDays: Math.floor(days) };
}
