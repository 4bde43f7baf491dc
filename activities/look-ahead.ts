import type { Delivering } from './delivery.ts';

/** Recipients that are asked for together. */
const atOnce = 25;
/** How old an answer may be that somebody's turn relies on, in milliseconds. */
const freshMs = 1_000;

/**
 * Why a recipient must get no mail, by his place: those whose turn is next are asked for with him, instead of each alone.
 * @returns undefined: he may.
 */
export function createLookAhead(
  deliveries: readonly Delivering[],
  suppressed: (deliveries: readonly Delivering[]) => Promise<Map<string, string>>,
): (index: number) => Promise<string | undefined> {
  let [from, until, at] = [0, 0, 0];
  let reasons = Promise.resolve(new Map<string, string>());
  return async (index) => {
    if (index < from || index >= until || Date.now() >= at + freshMs) {
      [from, until, at] = [index, index + atOnce, Date.now()];
      reasons = suppressed(deliveries.slice(from, until));
    }
    return (await reasons).get(deliveries[index]?.recipient ?? '');
  };
}
