import { type Config, loadTemporalConnection } from './config.ts';
import { watchFiles } from './file-watch.ts';
import type { Scope } from './lifecycle.ts';
import { errorFacts, type Log } from './log.ts';
import { linkTemporal, type TemporalLink, type TemporalLinkOptions } from './temporal/connection.ts';

export interface LinkOptions {
  address: string;
  /** How payloads are written. */
  protection: TemporalLinkOptions['protection'];
  report: (line: string) => void;
  /** Where the connection is read from again. Default: the process' own. */
  env?: NodeJS.ProcessEnv;
  /** Between two looks at the files, in milliseconds. */
  checkMs?: number;
}

/** The connection to Temporal until the scope closes. It is made anew when a certificate, a key or an API key changes. */
export async function openLink(
  scope: Scope,
  { temporal: { connection, namespace, files } }: Config,
  log: Log,
  { address, protection, report, env, checkMs }: LinkOptions,
): Promise<TemporalLink> {
  const link = scope.closing(linkTemporal({ connection: { ...connection, address }, namespace, protection, log: report }), (open) =>
    open.close(),
  );
  if (files.length === 0) return link;
  const renew = async () => {
    await link.renew({ ...loadTemporalConnection(env), address });
    log.info({}, 'The credentials for Temporal were read again');
  };
  const onFailure = (error: unknown) => {
    log.error(errorFacts(error), 'The credentials for Temporal have changed and are not usable: those from before stay');
  };
  scope.closing(await watchFiles(files, renew, { ...(checkMs !== undefined && { everyMs: checkMs }), onFailure }), (watch) => {
    watch.close();
  });
  return link;
}
