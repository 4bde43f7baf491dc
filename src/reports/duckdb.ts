import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { join } from 'node:path';

import { literal } from './sql-text.ts';

/** One report's. */
export interface EngineLimits {
  memoryMb: number;
  threads: number;
  /** For what does not fit into memory. */
  diskMb: number;
}

export interface Engine {
  connection: DuckDBConnection;
  /** From then on only these files can be read or written, nothing loaded or attached, and no setting changed, this one included. */
  seal: (paths: string[]) => Promise<void>;
  /** A further one, for a statement that runs beside others; whoever asks closes it. */
  connect: () => Promise<DuckDBConnection>;
  /** Runs it, and interrupts it when the signal aborts. @param on default: `connection` @throws the reason of the signal then */
  interruptible<T>(signal: AbortSignal, work: () => Promise<T>, on?: DuckDBConnection): Promise<T>;
  close: () => void;
}

/** How often an abort is repeated: one that comes before the engine begins is lost. */
const insistMs = 50;

/** Where an engine puts what does not fit into memory. */
export const spillDirectory = (directory: string): string => join(directory, 'spill');

/** A database in memory. Nothing is ever downloaded. @param directory for what does not fit into memory; whoever calls removes it */
export async function openEngine(directory: string, { memoryMb, threads, diskMb }: EngineLimits): Promise<Engine> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${String(memoryMb)}MiB`,
    threads: String(threads),
    temp_directory: spillDirectory(directory),
    max_temp_directory_size: `${String(diskMb)}MiB`,
    // Memory that is free goes back soon: some 20 MB less for the process. Where several threads share it that takes more time.
    ...(threads === 1 ? { allocator_bulk_deallocation_flush_threshold: '2MB' } : { allocator_flush_threshold: '8MB' }),
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
    allow_unsigned_extensions: 'false',
    allow_persistent_secrets: 'false',
  });
  const connection = await instance.connect();
  await connection.run("set global TimeZone = 'UTC'");
  // Counts rows while a query runs; nothing is printed.
  await connection.run('set enable_progress_bar = true');
  await connection.run('set enable_progress_bar_print = false');
  return {
    connection,
    async seal(paths) {
      await connection.run(`set allowed_paths = [${paths.map(literal).join(', ')}]`);
      await connection.run('set enable_external_access = false');
      await connection.run('set lock_configuration = true');
    },
    connect: () => instance.connect(),
    async interruptible(signal, work, on = connection) {
      signal.throwIfAborted();
      const interrupt = () => {
        if (signal.aborted) on.interrupt();
      };
      const insisting = setInterval(interrupt, insistMs);
      signal.addEventListener('abort', interrupt, { once: true });
      try {
        return await work();
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        clearInterval(insisting);
        signal.removeEventListener('abort', interrupt);
      }
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}
