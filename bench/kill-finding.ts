import type { Finding } from './finding.ts';
import { type Point, points } from './kill-sink.ts';

export const policies = ['at_least_once', 'at_most_once'] as const;
export type KillPolicy = (typeof policies)[number];

/** What became of one message. */
export interface Killed {
  point: Point;
  policy: KillPolicy;
  copies: number;
  status: string;
  code: string | null;
}

const isLost = ({ copies, code }: Killed) => copies === 0 && code !== 'delivery_in_doubt';
const isSecond = ({ copies }: Killed) => copies > 1;
const isDoubted = ({ code }: Killed) => code === 'delivery_in_doubt';

export function killFinding(kills: number, all: readonly Killed[], seed: number): Finding {
  const count = (policy: KillPolicy, matches: (one: Killed) => boolean) =>
    all.filter((one) => one.policy === policy && matches(one)).length;
  const lost = all.filter(isLost).length;
  return {
    title: 'Killed while sending',
    method: `${String(kills)} rounds (seed ${String(seed)}): eight e-mails, one for each of four points and both duplicate policies, are held at their points by the mail server, then the worker gets \`kill -9\`, and another one goes on.
"Before the ledger": the reply was sent, the way to PostgreSQL was cut just before. "After the ledger": the row said \`sent\`, the way to Temporal was cut. Rounds follow each other without a pause, so that second attempts can meet the next kill.`,
    verdicts: [
      { bar: 'no message is lost', figure: `${String(lost)} of ${String(all.length)} lost`, met: lost === 0 },
      {
        bar: 'no second copy under at_most_once',
        figure: `${String(count('at_most_once', isSecond))} of ${String(count('at_most_once', () => true))}`,
        met: count('at_most_once', isSecond) === 0,
      },
      {
        bar: 'every message under at_least_once arrives',
        figure: `${String(count('at_least_once', ({ copies }) => copies > 0))} of ${String(count('at_least_once', () => true))}, ${String(count('at_least_once', isSecond))} of them twice or more`,
        met: count('at_least_once', ({ copies, status }) => copies === 0 || status !== 'completed') === 0,
      },
    ],
    tables: [
      {
        heading: 'Where the worker was killed, and what came of it',
        columns: ['point, policy', 'messages', 'once', 'twice or more', 'never', 'job says in doubt', 'lost'],
        rows: points.flatMap((point) =>
          policies.map((policy) => {
            const these = all.filter((one) => one.point === point && one.policy === policy);
            const of = (matches: (one: Killed) => boolean) => String(these.filter(matches).length);
            return [
              `${point}, \`${policy}\``,
              ...[() => true, ({ copies }: Killed) => copies === 1, isSecond, ({ copies }: Killed) => copies === 0, isDoubted, isLost].map(
                of,
              ),
            ];
          }),
        ),
        note: 'Under `at_most_once` a message that was cut off during DATA never arrives, and its job fails and says so: a dead worker cannot tell how far it came.',
      },
    ],
  };
}
