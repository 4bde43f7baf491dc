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
  close(): Promise<void>;
}

export interface TemporalLinkOptions {
  connection: NativeConnectionOptions;
  namespace: string;
  protection: SimplePlugin;
  log: (message: string) => void;
}

const firstRetryMs = 250;
const longestRetryMs = 5_000;

/** The native connection has no lazy form and fails at once when Temporal is not up yet: this one keeps trying. */
export function linkTemporal({ connection: options, namespace, protection, log }: TemporalLinkOptions): TemporalLink {
  const closing = new AbortController();
  let client: Client | undefined;

  async function connect(): Promise<NativeConnection> {
    for (let delay = firstRetryMs; ; delay = Math.min(delay * 2, longestRetryMs)) {
      try {
        // gzip costs more than it saves on a local network, and twice the CPU for each start.
        const connection = await NativeConnection.connect({ grpcCompression: { codec: 'none' }, ...options });
        try {
          await ensureSearchAttributes(connection, namespace);
          client = new Client({ connection, namespace, identity: `handoff-${String(process.pid)}`, plugins: [protection] });
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

  const connected = connect();
  connected.catch(() => undefined);
  return {
    client: () => {
      if (client === undefined)
        throw new AppError('temporal_unavailable', 'Temporal does not answer.', { retryable: true, retryAfterSeconds: 5 });
      return client;
    },
    connected,
    protection,
    async close() {
      closing.abort();
      const connection = await connected.catch(() => undefined);
      await connection?.close();
    },
  };
}
