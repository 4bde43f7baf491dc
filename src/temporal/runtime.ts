import { DefaultLogger, type LogLevel, makeTelemetryFilterString, Runtime } from '@temporalio/worker';

/** Facts that the SDK adds to its log lines and that hold no user data. Error messages are left out: they can quote payloads. */
const harmless = new Set([
  'activityType',
  'attempt',
  'namespace',
  'runId',
  'taskQueue',
  'workflowId',
  'workflowType',
  'sdkComponent',
  'isLocal',
]);

/** Where the SDK writes: our log has such an interface. */
export type SdkLog = (level: 'debug' | 'info' | 'warn' | 'error', facts: Record<string, unknown>, message: string) => void;

const levels = { TRACE: 'debug', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const satisfies Record<LogLevel, string>;

/** Workers of ours serve either workflows or activities, on purpose; the SDK warns about both. */
const intended = /^No (workflows|activities) registered/;

/** Once a process, before the first connection. Signals stay ours: shutting down has an order. */
export function installRuntime(log: SdkLog): void {
  const logger = new DefaultLogger('INFO', ({ level, message, meta = {} }) => {
    const facts = Object.fromEntries(Object.entries(meta).filter(([name]) => harmless.has(name)));
    log(intended.test(message) ? 'debug' : levels[level], facts, message);
  });
  Runtime.install({
    logger,
    shutdownSignals: [],
    // By which a worker that is too busy to poll is told from one that is gone (src/jobs/queue-facts.ts).
    workerHeartbeatInterval: '30 seconds',
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} } },
  });
}
