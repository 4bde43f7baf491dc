/**
 * Repeats an assertion until it passes, and gives its result. Times in milliseconds.
 * @throws at the deadline, what the assertion threw last.
 */
export async function eventually<T>(
  assertion: () => Promise<T> | T,
  { within = 90_000, every = 250 }: { within?: number; every?: number } = {},
): Promise<T> {
  const deadline = Date.now() + within;
  let last: unknown = new Error(`The assertion neither passed nor failed within ${String(within)} ms.`);
  for (;;) {
    const attempt = (async () => assertion())();
    const outcome = await withDeadline(attempt, deadline);
    if (outcome.state === 'passed') return outcome.value;
    if (outcome.state === 'failed') last = outcome.error;
    // An attempt that hangs is given up here; the reason of the one before it tells more than "timed out".
    if (outcome.state === 'pending' || Date.now() + every > deadline) throw last;
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

type Outcome<T> = { state: 'passed'; value: T } | { state: 'failed'; error: unknown } | { state: 'pending' };

async function withDeadline<T>(attempt: Promise<T>, deadline: number): Promise<Outcome<T>> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      attempt.then(
        (value): Outcome<T> => ({ state: 'passed', value }),
        (error: unknown): Outcome<T> => ({ state: 'failed', error }),
      ),
      new Promise<Outcome<T>>((resolve) => {
        timer = setTimeout(
          () => {
            resolve({ state: 'pending' });
          },
          Math.max(0, deadline - Date.now()),
        );
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
