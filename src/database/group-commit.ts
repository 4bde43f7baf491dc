import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (reason: unknown) => void;
}

export interface GroupCommitOptions<Item, Result> {
  /** One transaction for all of them. @returns a result for each, in the same order. */
  commit: (items: Item[]) => Promise<Result[]>;
  /** Two items of one key never come into the same transaction, but in the order of their coming. */
  keyOf: (item: Item) => string;
  /** Items in one transaction. */
  most?: number;
  /** Between two transactions, in milliseconds: what comes meanwhile goes into the second. Default: none. */
  pauseMs?: number;
}

/**
 * Lets calls at the same time share transactions: what comes while one is under way goes into the next. A call resolves once
 * its transaction has ended, and rejects when that failed.
 */
export function groupCommit<Item, Result>({
  commit,
  keyOf,
  most = 500,
  pauseMs = 0,
}: GroupCommitOptions<Item, Result>): (item: Item) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let running = false;
  let pausedUntil = 0;

  function nextGroup(): Waiting<Item, Result>[] {
    const keys = new Set<string>();
    const group: Waiting<Item, Result>[] = [];
    const later: Waiting<Item, Result>[] = [];
    for (const one of waiting) {
      const key = keyOf(one.item);
      (group.length < most && !keys.has(key) ? group : later).push(one);
      keys.add(key);
    }
    waiting = later;
    return group;
  }

  async function turn(): Promise<void> {
    const pause = pausedUntil - performance.now();
    if (pause > 0) await sleep(pause);
    else await setImmediate();
  }

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      await turn();
      const group = nextGroup();
      try {
        const results = await commit(group.map(({ item }) => item));
        for (const [index, { resolve }] of group.entries()) resolve(results[index] as Result);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
      pausedUntil = performance.now() + pauseMs;
    }
    running = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (running) return;
      running = true;
      // It rejects nothing but the calls themselves.
      run().catch(() => undefined);
    });
}
