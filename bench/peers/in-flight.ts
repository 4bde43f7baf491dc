export interface Timed {
  /** Of everything. */
  seconds: number;
  /** Of each call, in milliseconds. */
  latencies: number[];
}

/** `count` calls, never more than `width` of them at once. */
export async function inFlight(count: number, width: number, call: (index: number) => Promise<unknown>): Promise<Timed> {
  const latencies: number[] = [];
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const index = next++;
      const since = performance.now();
      await call(index);
      latencies.push(performance.now() - since);
    }
  };
  const since = performance.now();
  await Promise.all(Array.from({ length: width }, lane));
  return { seconds: (performance.now() - since) / 1000, latencies };
}
