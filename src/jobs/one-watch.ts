import { isFinished, type Job } from './job.ts';
import { type Sighting, sightingOf } from './sighting.ts';

export interface Listener {
  /** After each later look, whether or not something has changed. */
  look(sighting: Sighting): void;
  /** Once, at the end: the job has finished or is gone, Temporal has been away for long, or the watcher closes. */
  end(): void;
}

/** A place in the watch over one job. Leave it in any case. */
export interface Watching {
  readonly sighting: Sighting;
  /** Once. `end` comes at once when the watch is over. */
  listen(listener: Listener): void;
  leave(): void;
}

/** All in milliseconds. */
export interface Pace {
  /** After the first look and after each change; it then doubles. Default 100. */
  shortest: number;
  /** While there is something to wait for. Default 1,000. */
  longest: number;
  /** While scheduled or dead-lettered, and while Temporal is away. Default 5,000. */
  resting: number;
  /** How long errors may go on. Default 30,000. */
  patience: number;
}

/** Over one job. */
export interface Watch {
  join(): Promise<Watching | undefined>;
  end(): void;
}

export interface WatchOptions {
  look: () => Promise<Job | undefined>;
  pace: Pace;
  onOver: () => void;
}

export function createWatch({ look, pace, onOver }: WatchOptions): Watch {
  const listeners = new Set<Listener>();
  let members = 0;
  let sighting: Sighting | undefined;
  let over = false;
  let delay = pace.shortest;
  let hurried = false;
  let failingSince: number | undefined;
  let lastLookAt = 0;
  /** `undefined` while a look is under way. */
  let timer: NodeJS.Timeout | undefined;

  function end(): void {
    if (over) return;
    over = true;
    clearTimeout(timer);
    onOver();
    const told = [...listeners];
    listeners.clear();
    for (const listener of told) listener.end();
  }

  /** Takes in what was seen, and sees to the next look. */
  function take(job: Job | undefined): void {
    if (job === undefined) end();
    // Those who wait for the first look get it, even if the watch is over meanwhile.
    if (job === undefined || (over && sighting !== undefined)) return;
    const [before, now] = [sighting, sightingOf(job)];
    const seen = (sighting = before?.version === now.version ? before : now);
    for (const listener of [...listeners]) listener.look(seen);
    if (isFinished(job.status)) end();
    if (over) return;
    failingSince = undefined;
    // Progress alone is no sign that more is about to happen: it comes with heartbeats, every other second.
    const calm = !hurried && before?.steadyVersion === now.steadyVersion;
    hurried = false;
    delay = calm ? Math.min(delay * 2, longestFor(job, pace)) : pace.shortest;
    lookIn(Math.min(delay, untilStart(job, pace)));
  }

  function miss(): void {
    if (over) return;
    failingSince ??= lastLookAt;
    if (Date.now() - failingSince >= pace.patience) end();
    else lookIn((delay = Math.min(delay * 2, pace.resting)));
  }

  function lookIn(milliseconds: number): void {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = undefined;
      lastLookAt = Date.now();
      look().then(take).catch(miss);
    }, milliseconds);
    timer.unref();
  }

  async function firstLook(): Promise<void> {
    lastLookAt = Date.now();
    try {
      take(await look());
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Whoever comes wants to know soon, perhaps since something has just been done to the job. */
  function hurry(): void {
    if (over || failingSince !== undefined) return;
    hurried = true;
    if (timer !== undefined) lookIn(Math.max(0, lastLookAt + pace.shortest - Date.now()));
  }

  function place(seen: Sighting): Watching {
    let listening: Listener | undefined;
    let left = false;
    return {
      get sighting() {
        return sighting ?? seen;
      },
      listen(listener) {
        listening = listener;
        if (over) listener.end();
        else listeners.add(listener);
      },
      leave() {
        if (left) return;
        left = true;
        if (listening) listeners.delete(listening);
        if (--members === 0) end();
      },
    };
  }

  let first: Promise<void> | undefined;
  return {
    end,
    async join() {
      members++;
      if (first !== undefined) hurry();
      await (first ??= firstLook());
      return sighting && place(sighting);
    },
  };
}

function longestFor({ status }: Job, { longest, resting }: Pace): number {
  return status === 'scheduled' || status === 'dead_lettered' ? resting : longest;
}

function untilStart({ status, startAt }: Job, { shortest }: Pace): number {
  return status === 'scheduled' && startAt !== null ? Math.max(shortest, startAt.getTime() - Date.now()) : Infinity;
}
