import type { Progress } from './progress.ts';

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** A duration as people say it, in its largest unit: `3 h`. */
export function roughly(seconds: number): string {
  const [unit, size] = units.find(([, length]) => Math.round(seconds / length) >= (length === 1 ? 0 : 2)) ?? units[3];
  return `${String(Math.max(0, Math.round(seconds / size)))} ${unit}`;
}

/** With the time of day as everywhere else: RFC 3339, UTC. */
export function since(date: Date | undefined): string {
  return date === undefined ? '' : ` since ${date.toISOString()}`;
}

/** `attempt 4`, `attempt 4 of 10`. */
export function attemptWords(attempt: number, maximum: number | null): string {
  return `attempt ${String(attempt)}${maximum === null ? '' : ` of ${String(maximum)}`}`;
}

export function progressWords({ done, total, unit, stage }: Progress): string {
  return `${String(done)}${total === null ? '' : ` of ${String(total)}`} ${unit} (${stage})`;
}

/** Messages come from mail servers and from us, with and without a full stop. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
