import type { Opening } from '../src/jobs/batch-chunk.ts';
import type { SendWindow } from '../src/jobs/send-window.ts';

const dayMs = 86_400_000;
const minutesOf = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

/** What the clocks of a place show, as if it were UTC; milliseconds since 1970. */
function localTime(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('en-u-hc-h23', {
    timeZone,
    ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' },
  });
  return (at) => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second);
  };
}

/**
 * When the window is open next; or, while it is open, how long still. A time that the clocks skip in spring is the one after as
 * long; one that they show twice in autumn is the first.
 */
export function openingOf({ from, until, timeZone, days }: SendWindow, now: Date): Opening {
  const local = localTime(timeZone);
  const at = (wall: number): number => {
    // The difference on either side of a change of the clocks.
    const candidates = [-dayMs, dayMs].map((apart) => wall - (local(wall + apart) - (wall + apart))).sort((one, other) => one - other);
    return candidates.find((candidate) => local(candidate) === wall) ?? candidates[1] ?? wall;
  };
  const [opens, closes] = [minutesOf(from), minutesOf(until)];
  const today = Math.floor(local(now.getTime()) / dayMs) * dayMs;
  const names = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
  // Yesterday's may last until today; each day of the week comes within eight.
  for (let day = today - dayMs; ; day += dayMs) {
    const name = names[new Date(day).getUTCDay()];
    if (days !== undefined && (name === undefined || !days.includes(name))) continue;
    const [opensAt, closesAt] = [at(day + opens * 60_000), at(day + closes * 60_000 + (closes < opens ? dayMs : 0))];
    if (closesAt <= now.getTime() || closesAt <= opensAt) continue;
    return { opensAt: new Date(opensAt).toISOString(), closesAt: new Date(closesAt).toISOString() };
  }
}
