import { AppError } from '../errors.ts';

/** How many streams each key has open. */
export interface StreamSlots {
  /** @returns gives it back; harmless when repeated. @throws AppError `too_many_streams`. */
  take(key: string): () => void;
  /** How many are open. */
  taken(): number;
}

const retryAfterSeconds = 10;

export function createStreamSlots(perKey: number): StreamSlots {
  const open = new Map<string, number>();
  let taken = 0;
  return {
    taken: () => taken,
    take(key) {
      const count = open.get(key) ?? 0;
      if (count >= perKey)
        throw new AppError('too_many_streams', `This API key has ${String(perKey)} event streams open. Close some.`, {
          retryable: true,
          retryAfterSeconds,
        });
      open.set(key, count + 1);
      taken++;
      let given = false;
      return () => {
        if (given) return;
        given = true;
        taken--;
        const left = (open.get(key) ?? 1) - 1;
        if (left === 0) open.delete(key);
        else open.set(key, left);
      };
    },
  };
}
