import type { Caller } from '../jobs/api-keys.ts';

/** How long a looked-up key is trusted: a revoked key stops working within this time. In milliseconds. */
const freshMs = 5_000;
/** After this a known key is looked up again, while requests go on with what is known. In milliseconds. */
const renewMs = 2_500;
/** Between two notes of the last use, in milliseconds. */
const useEveryMs = 60_000;
/** Bounds the memory that wrong keys can take. */
const capacity = 10_000;

export interface KeyFacts {
  caller: Caller;
  /** In milliseconds since 1970, as all times here. */
  expiresAt: number | undefined;
  lastUsedAt: number | undefined;
}

export interface KeySource {
  /** By hash or id: a key that is not revoked; it may have expired. */
  find(name: string): Promise<KeyFacts | undefined>;
  /** Notes the use, unless there was one in the minute before. */
  noteUse(keyId: string, at: number, unlessAfter: number): Promise<void>;
}

export interface KeyLookup {
  /** By the hash of the key, which is being used. */
  callerOf(hash: string): Promise<Caller | undefined>;
  callerById(id: string): Promise<Caller | undefined>;
  /** In memory, and valid when it was looked up last. */
  knows(hash: string): boolean;
  /** Looks these up again when they come next. */
  forget(which: { hash: string } | { keyId: string }): void;
}

/** Keys by hash and by id, kept in memory: a key in use asks the database every few seconds, and no request but its first waits for that. */
export function createKeyLookup(source: KeySource, now: () => number): KeyLookup {
  const known = new Map<string, { found: KeyFacts | undefined; at: number }>();
  const asking = new Map<string, Promise<KeyFacts | undefined>>();

  function ask(name: string): Promise<KeyFacts | undefined> {
    const asked = asking.get(name);
    if (asked !== undefined) return asked;
    // From before the answer: what changes meanwhile may not be in it.
    const at = now();
    const answer = source.find(name).then(
      (found) => {
        // Forgotten meanwhile: the answer may be from before the change.
        if (asking.get(name) !== answer) return found;
        asking.delete(name);
        if (known.size >= capacity) known.clear();
        const before = known.get(name)?.found?.lastUsedAt;
        if (found !== undefined && before !== undefined) found.lastUsedAt = Math.max(before, found.lastUsedAt ?? before);
        known.set(name, { found, at });
        return found;
      },
      (error: unknown) => {
        if (asking.get(name) === answer) asking.delete(name);
        throw error;
      },
    );
    asking.set(name, answer);
    return answer;
  }

  function noteUse(facts: KeyFacts): void {
    const at = now();
    if (facts.lastUsedAt !== undefined && at - facts.lastUsedAt < useEveryMs) return;
    facts.lastUsedAt = at;
    // A note that is lost comes a minute later.
    source.noteUse(facts.caller.keyId, at, at - useEveryMs).catch(() => undefined);
  }

  async function valid(name: string): Promise<KeyFacts | undefined> {
    const cached = known.get(name);
    const age = cached === undefined ? Infinity : now() - cached.at;
    const found = age < freshMs ? cached?.found : await ask(name);
    if (found === undefined || (found.expiresAt !== undefined && found.expiresAt <= now())) return undefined;
    // Should it fail, somebody has to wait when the time is over.
    if (age >= renewMs && age < freshMs) ask(name).catch(() => undefined);
    return found;
  }

  return {
    async callerOf(hash) {
      const found = await valid(hash);
      if (found !== undefined) noteUse(found);
      return found?.caller;
    },

    knows(hash) {
      const cached = known.get(hash);
      if (cached?.found === undefined) return false;
      return cached.found.expiresAt === undefined || cached.found.expiresAt > now();
    },

    async callerById(id) {
      return (await valid(id))?.caller;
    },

    forget(which) {
      const names =
        'hash' in which ? [which.hash] : [...known].flatMap(([name, { found }]) => (found?.caller.keyId === which.keyId ? [name] : []));
      for (const name of names) {
        known.delete(name);
        asking.delete(name);
      }
    },
  };
}
