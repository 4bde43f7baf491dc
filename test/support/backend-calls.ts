import { PGlite } from '@electric-sql/pglite';
import type { Client } from '@temporalio/client';

interface Service {
  rpcImpl: (method: { name: string }, ...rest: unknown[]) => void;
}

/** Of every request, whatever it is about, and in the background: who calls, that the key was used, and what the tenant may. */
const ofAuthentication = /where "(hash|id)" = \$1 and "revoked_at" is null|set "last_used_at"|from "tenant_limits"/;

/** How full queues are, and who serves them, is looked at every few seconds, whatever is asked. */
const inBackground = new Set(['DescribeTaskQueue']);

export interface BackendCalls {
  /** What was asked of Temporal and of the embedded database meanwhile: names of methods, and SQL. In order of the alphabet. */
  during(action: () => Promise<unknown>): Promise<string[]>;
  close(): void;
}

/** Watches one client of Temporal, and every embedded database of this test file. Looking up API keys does not count. */
export function watchBackends(client: Client): BackendCalls {
  let calls: string[] = [];
  const service = client.workflowService as unknown as Service;
  const { rpcImpl } = service;
  service.rpcImpl = (method, ...rest) => {
    if (!inBackground.has(method.name)) calls.push(method.name);
    rpcImpl(method, ...rest);
  };
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with its own `this`
  const { query } = PGlite.prototype;
  PGlite.prototype.query = function (this: PGlite, text: string, ...rest: unknown[]) {
    if (!ofAuthentication.test(text)) calls.push(text);
    return (query as (...all: unknown[]) => Promise<unknown>).call(this, text, ...rest);
  } as typeof query;
  return {
    async during(action) {
      calls = [];
      await action();
      return calls.sort();
    },
    close() {
      service.rpcImpl = rpcImpl;
      PGlite.prototype.query = query;
    },
  };
}
