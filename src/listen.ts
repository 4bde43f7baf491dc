import type { Express } from 'express';
import { createServer } from 'node:http';

import type { Config } from './config.ts';
import type { Scope } from './lifecycle.ts';

/** Serves until the scope closes: first no new connections, then the running requests end, within the grace time. */
export async function listen(scope: Scope, app: Express, { host, port, shutdownGraceSeconds }: Config): Promise<{ url: string }> {
  // An upload over a slow line may take long; headers may not.
  const server = createServer({ requestTimeout: 60 * 60 * 1000, headersTimeout: 30_000 }, app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  scope.closing(
    server,
    () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeIdleConnections();
        setTimeout(() => {
          server.closeAllConnections();
        }, shutdownGraceSeconds * 1000).unref();
      }),
  );
  return { url: `http://${host}:${String(port)}` };
}
