/** What a walk through a file needs next: the coming bytes, to be past some, or to be past the first of one value. */
export type Step = { take: number } | { skip: number } | { past: number };

/** Yields steps and returns at the end of the file it walks through. Gets the bytes for `take`, nothing of use otherwise. */
export type ByteWalk = Generator<Step, void, Uint8Array>;

export interface Walker {
  push(chunk: Uint8Array): void;
  /** The walk has returned. */
  readonly finished: boolean;
}

const nothing = new Uint8Array(0);

/** Feeds a walk with chunks cut anywhere, keeping no more than one `take` of them. */
export function walker(walk: ByteWalk): Walker {
  let state = walk.next(nothing);
  /** For `take` and `skip`: how many bytes are still to come. */
  let missing = 0;
  let taken = nothing;

  const go = (bytes: Uint8Array): void => {
    state = walk.next(bytes);
    begin();
  };
  const begin = (): void => {
    // A loop instead of `go`: skipping nothing is legal and may come many times in a row.
    while (state.done !== true) {
      missing = 'take' in state.value ? state.value.take : 'skip' in state.value ? state.value.skip : 1;
      taken = nothing;
      if (missing > 0) return;
      state = walk.next(nothing);
    }
  };
  /** Handles bytes from `at` on and returns where it stopped. */
  const feed = (step: Step, chunk: Uint8Array, at: number): number => {
    if ('past' in step) {
      const found = chunk.indexOf(step.past, at);
      if (found === -1) return chunk.length;
      go(nothing);
      return found + 1;
    }
    const here = Math.min(missing, chunk.length - at);
    missing -= here;
    if ('take' in step) taken = taken.length === 0 ? chunk.slice(at, at + here) : Buffer.concat([taken, chunk.subarray(at, at + here)]);
    if (missing === 0) go(taken);
    return at + here;
  };

  begin();
  return {
    push(chunk) {
      for (let at = 0; at < chunk.length && state.done !== true;) at = feed(state.value, chunk, at);
    },
    get finished() {
      return state.done === true;
    },
  };
}
