import v8 from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'minor' }) => void;

v8.setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as Collect;

/**
 * V8 counts buffers hardly when it decides to collect: what a stream packs lies around by the dozen megabytes before it does. This
 * is told of each that is used up, and has the young ones collected now and then: a millisecond for each `every` bytes.
 */
export function youngGarbage(every: number): (bytes: number) => void {
  let since = 0;
  return (bytes) => {
    since += bytes;
    if (since < every) return;
    since = 0;
    collect({ type: 'minor' });
  };
}
