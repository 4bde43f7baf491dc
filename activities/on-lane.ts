import { AppError } from '../src/errors.ts';
import type { Elsewhere, MailLane, Route } from './mail-lane.ts';

/**
 * Runs a delivery on its lane, or tells on which one it should be run.
 * @param route undefined: scheduled by an older version, which does not know of lanes.
 */
export async function onLane<T>(lane: MailLane | undefined, route: Route | undefined, deliver: () => Promise<T>): Promise<T | Elsewhere> {
  if (lane === undefined || route === undefined) return deliver();
  const first = lane.before(route);
  if (first !== undefined) return first;
  try {
    return await deliver();
  } catch (error) {
    const elsewhere = error instanceof AppError ? lane.after(route, error) : undefined;
    if (elsewhere === undefined) throw error;
    return elsewhere;
  }
}
