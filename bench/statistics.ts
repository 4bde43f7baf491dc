export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** Nearest rank; `q` from 0 to 1. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))];
  if (value === undefined) throw new Error('Nothing was measured');
  return value;
}

export function median(values: readonly number[]): number {
  return (
    (quantile(values, 0.5) +
      quantile(
        [...values].map((value) => -value),
        0.5,
      ) *
        -1) /
    2
  );
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** One figure a round, of the two figures of that round: what disturbs the machine disturbs both. */
export function ratios(ours: readonly number[], baseline: readonly number[]): Spread {
  return spread(ours.map((value, round) => value / (baseline[round] ?? NaN)));
}
