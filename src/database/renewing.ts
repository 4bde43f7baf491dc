/** How long something is trusted without asking again, in milliseconds. */
const freshMs = 60_000;
/** After this it is asked for again, while everybody goes on with what is known. In milliseconds. */
const renewMs = 30_000;
/** Bounds the memory. */
const capacity = 10_000;

/**
 * Keeps what is loaded by name: in use it is loaded again about every half minute, and nobody but the first waits for that.
 * When loading fails, what was known goes on being used.
 */
export function renewing<T>(load: (name: string) => Promise<T>, now: () => number): { get(name: string): Promise<T>; forget(): void } {
  const known = new Map<string, { value: T; at: number }>();
  const loading = new Map<string, Promise<T>>();

  function ask(name: string): Promise<T> {
    const asked = loading.get(name);
    if (asked !== undefined) return asked;
    const at = now();
    const answer = load(name)
      .then((value) => {
        // Forgotten meanwhile: the answer may be from before the change.
        if (loading.get(name) !== answer) return value;
        if (known.size >= capacity) known.clear();
        known.set(name, { value, at });
        return value;
      })
      .finally(() => {
        if (loading.get(name) === answer) loading.delete(name);
      });
    loading.set(name, answer);
    return answer;
  }

  return {
    async get(name) {
      const cached = known.get(name);
      const age = cached === undefined ? Infinity : now() - cached.at;
      if (cached === undefined) return ask(name);
      if (age < renewMs) return cached.value;
      const answer = ask(name).catch(() => cached.value);
      return age < freshMs ? cached.value : answer;
    },
    forget() {
      known.clear();
      loading.clear();
    },
  };
}
