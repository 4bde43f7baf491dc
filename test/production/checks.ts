/** Numbered findings, printed as they come. */
export interface Checks {
  /** @throws what `run` throws, after counting it: later steps build on earlier ones. */
  check: <T>(title: string, run: () => Promise<T>) => Promise<T>;
  say: (line: string) => void;
  totals(): { passed: number; failed: number };
}

export function createChecks(write: (line: string) => void): Checks {
  const began = Date.now();
  let passed = 0;
  let failed = 0;
  const say = (line: string) => {
    write(`${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  };
  return {
    say,
    totals: () => ({ passed, failed }),
    async check(title, run) {
      try {
        const value = await run();
        passed += 1;
        say(`ok      ${title}`);
        return value;
      } catch (error) {
        failed += 1;
        say(`FAILED  ${title}\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        throw error;
      }
    },
  };
}
