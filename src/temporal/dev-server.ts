import { setTimeout as sleep } from 'node:timers/promises';
import { assertPortFree } from '../port-check.ts';
import { killLeftOver } from './left-over.ts';
import { launchTemporal, temporalFiles, type Exit, type TemporalProcess } from './temporal-process.ts';

export interface DevServerOptions {
  /** Absolute path of the Temporal CLI. */
  cli: string;
  port: number;
  /** Without it there is no Web UI. */
  uiPort?: number;
  /** What the Web UI asks to decrypt payloads. */
  codecEndpoint?: string;
  /** Will hold temporal.db, temporal.pid and logs/temporal.log. */
  dataDir: string;
  /** More flags for `temporal server start-dev`. */
  flags?: readonly string[];
  log: (line: string) => void;
  /** Called each time Temporal ends without being asked to, before it is started again. */
  onExit?: (exit: Exit) => void;
}

export interface DevServer {
  /** host:port of the gRPC service. */
  address: string;
  uiUrl: string | undefined;
  /** SIGTERM, after 10 s SIGKILL; resolves when the process is gone. Harmless when repeated. */
  stop(): Promise<void>;
}

const firstRestartMs = 1_000;
const longestRestartMs = 10_000;
/** A run this long ends a series of failures. */
const steadyMs = 60_000;

/**
 * Starts Temporal with its state in the data directory, waits until it accepts connections, and starts it again whenever
 * it ends before `stop`. It dies with this process, however that ends; `kill -9` costs no state (WAL, synchronous FULL).
 *
 * Throws when a port is taken or when Temporal does not come up.
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const { log, port, uiPort } = options;
  const files = temporalFiles(options.dataDir);
  const leftOver = await killLeftOver(files.pid, files.database);
  if (leftOver !== undefined) log(`Killed the Temporal (process ${String(leftOver)}) that an earlier run left behind.`);
  await assertPortFree(port, 'HANDOFF_TEMPORAL_PORT');
  if (uiPort !== undefined) await assertPortFree(uiPort, 'HANDOFF_TEMPORAL_UI_PORT');

  const launch = (): TemporalProcess => launchTemporal({ cli: options.cli, port, args: commandLine(options, files.database), files });
  const stopping = new AbortController();
  const stopped = (): boolean => stopping.signal.aborted;
  let current = launch();
  try {
    await current.ready();
  } catch (error) {
    await current.stop();
    throw error;
  }
  const keptRunning = keepRunning();

  return {
    address: `127.0.0.1:${String(port)}`,
    uiUrl: uiPort === undefined ? undefined : `http://127.0.0.1:${String(uiPort)}`,
    async stop() {
      stopping.abort();
      await current.stop();
      await keptRunning;
    },
  };

  async function keepRunning(): Promise<void> {
    let delay = firstRestartMs;
    for (;;) {
      const startedAt = Date.now();
      const exit = await current.exited;
      if (stopped()) return;
      options.onExit?.(exit);
      if (Date.now() - startedAt > steadyMs) delay = firstRestartMs;
      log(
        `Temporal ended by itself (${String(exit.signal ?? exit.code)}); it starts again in ${String(delay / 1000)} s. Its log: ${files.log}`,
      );
      await sleep(delay, undefined, { signal: stopping.signal }).catch(() => undefined);
      delay = Math.min(delay * 2, longestRestartMs);
      // Only the shell around it may have died.
      await current.stop().catch((error: unknown) => {
        log(String(error));
      });
      if (stopped()) return;
      current = launch();
      current.ready().then(
        () => {
          log('Temporal runs again.');
        },
        // It ended: the next turn says so.
        () => undefined,
      );
    }
  }
}

function commandLine({ port, uiPort, codecEndpoint, flags = [] }: DevServerOptions, database: string): string[] {
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port)],
    ...(uiPort === undefined ? ['--headless'] : ['--ui-ip', '127.0.0.1', '--ui-port', String(uiPort)]),
    ...(codecEndpoint === undefined ? [] : ['--ui-codec-endpoint', codecEndpoint]),
    ...['--db-filename', database, '--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=FULL'],
    ...['--dynamic-config-value', 'matching.enableFairness=true'],
    // One shard reads its queue at most 20 times a second by default: every step of a job would wait up to 50 ms.
    ...['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=1000'],
    // Lists and counts: the default is 100 calls a second, and `GET /v1/jobs/counts` makes seven.
    ...['--dynamic-config-value', 'frontend.namespaceRPS.visibility=1000'],
    ...['--search-attribute', 'HandoffTenant=Keyword', '--search-attribute', 'HandoffState=Keyword'],
    ...['--search-attribute', 'HandoffLabels=KeywordList'],
    ...['--log-level', 'error', ...flags],
  ];
}
