import type { SimplePlugin } from '@temporalio/plugin';
import { type NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { keepServing } from './keep-serving.ts';

export interface WorkersOptions {
  connection: NativeConnection;
  namespace: string;
  /** The same as of the clients. */
  protection: SimplePlugin;
  /** Task Queue of the workflows; activities of group `g` are served from `<taskQueue>-<g>`. */
  taskQueue: string;
  /** Groups to serve, each with how many of its activities run at once. Left out: not served. */
  groups: { name: string; activities: object; concurrency: number }[];
  workflows: boolean;
  /** Built workflows, a file. Default: the bundle beside this module; where it is not built, the sources, bundled at each start. */
  workflowBundle?: string | undefined;
  /** How long running activities may go on after `shutdown`, in seconds. */
  graceSeconds: number;
  log: (facts: Record<string, unknown>, message: string) => void;
}

export interface Workers {
  /** What runs goes on, and reports over the new connection. */
  useConnection(connection: NativeConnection): void;
  /** No new work; resolves when what runs has ended, at the latest after the grace time. */
  shutdown(): Promise<void>;
}

function workflowCode(given: string | undefined): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  const bundle = given ?? fileURLToPath(new URL('../../workflow-bundle.js', import.meta.url));
  if (existsSync(bundle)) return { workflowBundle: { codePath: bundle } };
  return { workflowsPath: fileURLToPath(new URL(`../../workflows/all${extname(import.meta.url)}`, import.meta.url)) };
}

type Wish = WorkerOptions & { connection?: never };

/** One Temporal worker a Task Queue, all in this process. A worker that fails is made anew until `shutdown`. */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  let connection = options.connection;
  const shared = {
    namespace: options.namespace,
    plugins: [options.protection],
    identity: `handoff-${String(process.pid)}`,
    shutdownGraceTime: options.graceSeconds * 1000,
    // A cancelled job is told within about a second, and a checkpoint is at most this old.
    maxHeartbeatThrottleInterval: '2 seconds',
    defaultHeartbeatThrottleInterval: '2 seconds',
  } satisfies Partial<WorkerOptions>;
  const wanted: Wish[] = options.groups.map(({ name, activities, concurrency }) => ({
    ...shared,
    taskQueue: `${options.taskQueue}-${name}`,
    activities,
    maxConcurrentActivityTaskExecutions: concurrency,
    activityTaskPollerBehavior: { type: 'simple-maximum', maximum: Math.min(concurrency, 5) },
  }));
  if (options.workflows)
    wanted.push({
      ...shared,
      taskQueue: options.taskQueue,
      ...workflowCode(options.workflowBundle),
      maxCachedWorkflows: 500,
      workflowTaskPollerBehavior: { type: 'simple-maximum', maximum: 5 },
      // A dead process' sticky queue is given up after this, then any worker may go on.
      stickyQueueScheduleToStartTimeout: '5 seconds',
    });

  // A worker that can't be made at all is a mistake in the set-up: that one is thrown.
  const latest = new Map<Wish, Worker>();
  const create = async (wish: Wish): Promise<Worker> => {
    const worker = await Worker.create({ ...wish, connection });
    latest.set(wish, worker);
    // It may have been replaced meanwhile.
    worker.connection = connection;
    return worker;
  };
  const workers = await Promise.all(wanted.map(create));
  const served = wanted.map((wish, index) => {
    return keepServing(workers[index] as Worker, () => create(wish), {
      onFailure: (error) => {
        const facts = { taskQueue: wish.taskQueue, error: error instanceof Error ? error.name : 'unknown' };
        options.log(facts, 'A worker failed and is made anew');
      },
    });
  });

  return {
    useConnection(next) {
      connection = next;
      // One that has ended can't; the next one in its place is made with it.
      for (const worker of latest.values())
        if (worker.getState() === 'RUNNING' || worker.getState() === 'INITIALIZED') worker.connection = next;
    },
    async shutdown() {
      await Promise.all(served.map((serving) => serving.stop()));
    },
  };
}
