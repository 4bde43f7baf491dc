import { Client } from '@temporalio/client';
import type { SimplePlugin } from '@temporalio/plugin';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import { setTimeout as sleep } from 'node:timers/promises';

import { AppError } from '../errors.ts';
import { ensureSearchAttributes } from './search-attributes.ts';

export interface TemporalLink {
  /** @throws AppError `temporal_unavailable` before the first connection. */
  client: () => Client;
  /** Resolves with the first connection; rejects when closed before. Later outages are the connection's own business: it reconnects. */
  readonly connected: Promise<NativeConnection>;
  /** How payloads are written: for every worker on this connection. */
  readonly protection: SimplePlugin;
  /**
   * Connects anew, with another certificate or API key, and then uses that connection; what runs on the one before may end
   * there. Tries until it works, or `close`.
   */
  renew(connection: NativeConnectionOptions): Promise<void>;
  /** For whoever holds a connection for long: is called with the one that there is, and with each new one. */
  use(take: (connection: NativeConnection) => void): void;
  close(): Promise<void>;
}

export interface TemporalLinkOptions {
  connection: NativeConnectionOptions;
  namespace: string;
  protection: SimplePlugin;
  log: (message: string) => void;
  /** How long a connection that was replaced stays open for the calls that run on it, in milliseconds. Default 90,000. */
  lastCallsMs?: number;
}

const firstRetryMs = 250;
const longestRetryMs = 5_000;
/** Longer than any call on a connection may last, above all the polls of workers. */
const defaultLastCallsMs = 90_000;

const allButTheKey = (options: NativeConnectionOptions) => JSON.stringify({ ...options, apiKey: '' });

/** The native connection has no lazy form and fails at once when Temporal is not up yet: this one keeps trying. */
export function linkTemporal({
  connection: first,
  namespace,
  protection,
  log,
  lastCallsMs = defaultLastCallsMs,
}: TemporalLinkOptions): TemporalLink {
  const closing = new AbortController();
  const users: ((connection: NativeConnection) => void)[] = [];
  /** Connections that were replaced, until they are closed. */
  const old = new Map<NativeConnection, NodeJS.Timeout>();
  let wanted = first;
  let current: { connection: NativeConnection; options: NativeConnectionOptions; client: Client } | undefined;

  /** Tries with what is wanted at the time. */
  async function connect(): Promise<NativeConnection> {
    for (let delay = firstRetryMs; ; delay = Math.min(delay * 2, longestRetryMs)) {
      const options = wanted;
      try {
        // gzip costs more than it saves on a local network, and twice the CPU for each start.
        const connection = await NativeConnection.connect({ grpcCompression: { codec: 'none' }, ...options });
        try {
          await ensureSearchAttributes(connection, namespace);
          const client = new Client({ connection, namespace, identity: `handoff-${String(process.pid)}`, plugins: [protection] });
          current = { connection, options, client };
          return connection;
        } catch (error) {
          await connection.close();
          throw error;
        }
      } catch (error) {
        closing.signal.throwIfAborted();
        log(`Temporal does not answer (${error instanceof Error ? error.name : 'unknown'}); trying again`);
        await sleep(delay, undefined, { signal: closing.signal });
      }
    }
  }

  async function replace(): Promise<void> {
    const before = current;
    if (before === undefined || before.options === wanted) return;
    const { apiKey } = wanted;
    if (typeof apiKey === 'string' && allButTheKey(before.options) === allButTheKey(wanted)) {
      await before.connection.setApiKey(apiKey);
      current = { ...before, options: wanted };
      return;
    }
    const connection = await connect();
    for (const use of users) use(connection);
    const timer = setTimeout(() => {
      // Whoever still holds it lets go before `close`.
      before.connection.close().then(
        () => old.delete(before.connection),
        () => undefined,
      );
    }, lastCallsMs);
    old.set(before.connection, timer.unref());
  }

  const connected = connect();
  connected.catch(() => undefined);
  let replaced: Promise<unknown> = connected;
  return {
    client: () => {
      if (current === undefined)
        throw new AppError('temporal_unavailable', 'Temporal does not answer.', { retryable: true, retryAfterSeconds: 5 });
      return current.client;
    },
    connected,
    protection,
    async renew(options) {
      wanted = options;
      const done = replaced.then(replace);
      replaced = done.catch(() => undefined);
      await done;
    },
    use(take) {
      users.push(take);
      if (current) take(current.connection);
    },
    async close() {
      closing.abort();
      await connected.catch(() => undefined);
      await replaced.catch(() => undefined);
      for (const [connection, timer] of old) {
        clearTimeout(timer);
        await connection.close();
      }
      await current?.connection.close();
    },
  };
}
