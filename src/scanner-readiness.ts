import type { Config } from './config.ts';
import { createClamd } from './scanning/clamd.ts';
import { scannerStanding, type ScannerStanding } from './scanning/standing.ts';

export interface ScannerReadiness {
  /** Rejects when uploads can't be scanned. */
  check: () => Promise<void>;
  /** Old signatures are no reason to do no work. */
  facts: { scanner: () => Promise<ScannerStanding> };
}

/** What `/readyz` tells of the virus scanner; undefined: there is none. */
export function scannerOf({ scanning }: Pick<Config, 'scanning'>): ScannerReadiness | undefined {
  if (scanning.clamd === undefined) return undefined;
  const { engine } = createClamd(scanning.clamd);
  return {
    check: async () => {
      await engine();
    },
    facts: { scanner: () => scannerStanding({ engine, maxDatabaseDays: scanning.maxDatabaseDays }) },
  };
}
