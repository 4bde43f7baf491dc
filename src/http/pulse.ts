export interface Pulse<T> {
  add(item: T): void;
  remove(item: T): void;
}

/** Does something with each of many again and again: one timer for all, while there are any. */
export function createPulse<T>(everyMs: number, beat: (item: T) => void): Pulse<T> {
  const items = new Set<T>();
  let timer: NodeJS.Timeout | undefined;
  return {
    add(item) {
      items.add(item);
      timer ??= setInterval(() => {
        for (const each of items) beat(each);
      }, everyMs).unref();
    },
    remove(item) {
      items.delete(item);
      if (items.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    },
  };
}
