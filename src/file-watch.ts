import { readFile } from 'node:fs/promises';

export interface FileWatchOptions {
  /** Between two looks, in milliseconds. Default 10,000. */
  everyMs?: number;
  /** A file can't be read, or `onChange` failed. Once for each content. */
  onFailure: (error: unknown) => void;
}

/**
 * Looks at what is in these files again and again, since mounted secrets are replaced in several ways (renames, links) that
 * the system's own notices miss. What `onChange` refuses is offered again only once something has changed.
 */
export async function watchFiles(
  paths: readonly string[],
  onChange: () => Promise<void> | void,
  { everyMs = 10_000, onFailure }: FileWatchOptions,
): Promise<{ close(): void }> {
  const read = async () =>
    JSON.stringify(
      await Promise.all(
        paths.map((path) => readFile(path, 'latin1').catch((error: unknown) => (error as NodeJS.ErrnoException).code ?? '')),
      ),
    );
  let known = await read();
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    try {
      const now = await read();
      if (now !== known && !closed) {
        known = now;
        await onChange();
      }
    } catch (error) {
      onFailure(error);
    }
    next();
  }
  function next(): void {
    if (closed) return;
    timer = setTimeout(() => {
      look().catch(onFailure);
    }, everyMs).unref();
  }
  next();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
