/** Things to close, in the reverse order of opening. */
export interface Scope {
  /** Returns what it is given, for use in a chain. */
  closing<T>(thing: T, close: (thing: T) => Promise<void> | void): T;
}

export interface ScopeOptions {
  /** One line for people: what is going on. */
  say: (line: string) => void;
  /** A second signal this long after the first ends the process at once, in milliseconds. */
  insistMs?: number;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs a process: opens everything, then waits for SIGINT or SIGTERM, then closes everything. A failure to open closes
 * what was open and is thrown.
 */
export async function untilStopped(open: (scope: Scope) => Promise<void>, { say, insistMs = 1_500 }: ScopeOptions): Promise<void> {
  const closers: (() => Promise<void> | void)[] = [];
  let stoppedAt: number | undefined;
  let onSignal: NodeJS.SignalsListener = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    onSignal = (signal) => {
      // A terminal's Ctrl-C reaches npm and us, and npm passes it on: the same wish twice is one.
      if (stoppedAt !== undefined && Date.now() - stoppedAt > insistMs) process.exit(130);
      if (stoppedAt !== undefined) return;
      stoppedAt = Date.now();
      say(`${signal}: finishing what runs, then stopping. Once more to stop at once.`);
      resolve();
    };
  });
  for (const signal of signals) process.on(signal, onSignal);
  const closeAll = async () => {
    for (const close of closers.reverse()) {
      try {
        await close();
      } catch (error) {
        say(`While stopping: ${error instanceof Error ? error.name : 'unknown error'}`);
      }
    }
  };
  const scope: Scope = {
    closing(thing, close) {
      closers.push(() => close(thing));
      return thing;
    },
  };
  try {
    await Promise.race([open(scope), stopped]);
    await stopped;
  } finally {
    await closeAll();
    for (const signal of signals) process.off(signal, onSignal);
  }
}
