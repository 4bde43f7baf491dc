import type { Job } from './job.ts';
import { createWatch, type Pace, type Watch, type Watching } from './one-watch.ts';

/** Temporal does not tell when a job changes, so somebody has to ask again and again: one for each job, however many want to know. */
export interface Watcher {
  /** `undefined` when unknown or another tenant's. @throws AppError `temporal_unavailable`, of the first look only. */
  join(tenant: string, id: string): Promise<Watching | undefined>;
  /** Since the start. */
  looks(): number;
  /** How many jobs are being watched. */
  jobs(): number;
  /** Ends every watch. From then on there is one look a watch. */
  close(): void;
}

export interface WatcherOptions {
  get: (tenant: string, id: string) => Promise<Job | undefined>;
  pace?: Partial<Pace>;
}

export function createWatcher({ get, pace: asked = {} }: WatcherOptions): Watcher {
  const pace: Pace = { shortest: 100, longest: 1_000, resting: 5_000, patience: 30_000, ...asked };
  const watches = new Map<string, Watch>();
  let closed = false;
  let looks = 0;

  return {
    async join(tenant, id) {
      // No tenant has a space in its name.
      const key = `${tenant} ${id}`;
      const look = () => {
        looks++;
        return get(tenant, id);
      };
      const onOver = () => {
        if (watches.get(key) === watch) watches.delete(key);
      };
      const watch: Watch = watches.get(key) ?? createWatch({ look, pace, onOver });
      if (closed) watch.end();
      else watches.set(key, watch);
      return watch.join();
    },
    looks: () => looks,
    jobs: () => watches.size,
    close() {
      closed = true;
      for (const watch of [...watches.values()]) watch.end();
    },
  };
}
