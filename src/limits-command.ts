import { type Config, ConfigError } from './config.ts';
import { tableOf } from './table.ts';

/** @throws ConfigError. */
export function limitValueOf(value: string): number {
  const number = /^\d{1,16}$/.test(value) ? Number(value) : NaN;
  if (!Number.isSafeInteger(number)) throw new ConfigError(`"${value}": must be a whole number`);
  return number;
}

type Values = Readonly<Partial<Record<string, number>>>;

/** One line a limit, for people. What counts is the lower one of ceiling and own. */
export function limitTable(
  { names, ceiling, own }: { names: readonly string[]; ceiling: Values; own: Values },
  defaults: Config['limits'],
): string {
  const shown = (value: number | undefined) => (value === undefined ? '-' : String(value));
  const lines = names.map((name) => {
    const usual = ({ ...defaults } as Values)[name];
    const of = ceiling[name] === undefined && usual !== undefined ? `${String(usual)} (default)` : shown(ceiling[name]);
    const counts = Math.min(ceiling[name] ?? usual ?? Infinity, own[name] ?? Infinity);
    return [name, Number.isFinite(counts) ? String(counts) : '-', of, shown(own[name])];
  });
  return tableOf([['LIMIT', 'COUNTS', 'CEILING', "TENANT'S OWN"], ...lines]);
}
