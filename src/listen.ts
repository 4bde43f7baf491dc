import type { RequestListener } from 'node:http';
import { readFile } from 'node:fs/promises';
import { Server as TlsServer } from 'node:https';

import { checkTls, type Config, type TlsTexts } from './config.ts';
import { watchFiles } from './file-watch.ts';
import { createHttpServer, tlsDefaults } from './http/http-server.ts';
import type { Scope } from './lifecycle.ts';
import { errorFacts, type Log } from './log.ts';

type TlsConfig = NonNullable<Config['tls']>;

const contextOf = ({ cert, key, clientCa }: TlsTexts) => ({ cert, key, ...(clientCa !== undefined && { ca: clientCa }) });

/** Takes a renewed certificate as soon as it lies there; one that does not work changes nothing. */
async function followTls(
  scope: Scope,
  server: Pick<TlsServer, 'setSecureContext'>,
  tls: TlsConfig,
  log: Log,
  everyMs?: number,
): Promise<void> {
  const files = Object.entries(tls.files);
  if (files.length === 0) return;
  const renew = async () => {
    const read = await Promise.all(files.map(async ([name, path]) => [name, (await readFile(path, 'utf8')).trim()] as const));
    const texts: TlsTexts = { ...tls, ...Object.fromEntries(read) };
    checkTls(texts);
    server.setSecureContext({ ...tlsDefaults, ...contextOf(texts) });
    log.info({}, 'The TLS certificate was read again');
  };
  const onFailure = (error: unknown) => {
    log.error(errorFacts(error), 'The TLS files have changed and are not usable: the certificate from before stays');
  };
  const paths = files.map(([, path]) => path);
  scope.closing(await watchFiles(paths, renew, { ...(everyMs !== undefined && { everyMs }), onFailure }), (watch) => {
    watch.close();
  });
}

/** Serves until the scope closes: first no new connections, then the running requests end, within the grace time. */
export async function listen(
  scope: Scope,
  app: RequestListener,
  { host, port, shutdownGraceSeconds, maxConnections, tls }: Config,
  log: Log,
  { tlsCheckMs }: { tlsCheckMs?: number } = {},
): Promise<{ url: string }> {
  const server = createHttpServer(app, {
    maxConnections,
    ...(tls && { tls: contextOf(tls) }),
    onRefused: (refused) => {
      log.info(refused, 'refused');
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  scope.closing(
    server,
    () =>
      new Promise<void>((resolve) => {
        // What ends from now on does not wait for another request.
        server.keepAliveTimeout = 1;
        server.close(() => {
          resolve();
        });
        server.closeIdleConnections();
        setTimeout(() => {
          server.closeAllConnections();
        }, shutdownGraceSeconds * 1000).unref();
      }),
  );
  if (tls && server instanceof TlsServer) await followTls(scope, server, tls, log, tlsCheckMs);
  return { url: `${tls ? 'https' : 'http'}://${host}:${String(port)}` };
}
