// ms 3.0.0-canary.1 (pinned by @temporalio/common) ships types that NodeNext can't see; without this every Temporal duration is `any`.
declare module 'ms' {
  type Unit =
    | 'ms'
    | 's'
    | 'm'
    | 'h'
    | 'd'
    | 'w'
    | 'y'
    | 'millisecond'
    | 'milliseconds'
    | 'second'
    | 'seconds'
    | 'minute'
    | 'minutes'
    | 'hour'
    | 'hours'
    | 'day'
    | 'days'
    | 'week'
    | 'weeks'
    | 'year'
    | 'years';
  export type StringValue = `${number}` | `${number}${Unit}` | `${number} ${Unit}`;
  export default function ms(value: StringValue): number;
}
