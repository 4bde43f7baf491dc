import type { DeliveryWatch } from '../../activities/delivery.ts';

/** Where counts are shown. */
interface Counters {
  counter(name: string, help: string, read: () => number): void;
  counters(name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void;
}

interface Log {
  error(facts: Record<string, unknown>, message: string): void;
  info(facts: Record<string, unknown>, message: string): void;
}

export interface WatchedDeliveries extends DeliveryWatch {
  /** Adds the counts to a scrape. */
  showOn(metrics: Counters): void;
}

/** Counts what a person should hear of. Wrong settings are an error in the log once, until mail goes out again. */
export function createDeliveryWatch(log: Log): WatchedDeliveries {
  const doubts = { repeated: 0, stopped: 0 };
  const sent: Record<string, number> = {};
  let holds = 0;
  let holding = false;
  return {
    inDoubt(outcome) {
      doubts[outcome] += 1;
    },
    held() {
      holds += 1;
      if (!holding) log.error({}, 'The mail server does not accept our settings: mail is held until they are mended');
      holding = true;
    },
    sent(provider) {
      sent[provider] = (sent[provider] ?? 0) + 1;
      if (holding) log.info({ provider }, 'Mail goes out again');
      holding = false;
    },
    showOn(metrics) {
      metrics.counters(
        'handoff_deliveries_in_doubt_total',
        'Deliveries of which nobody knows whether the message was taken: sent again, or stopped, as duplicatePolicy says.',
        'outcome',
        () => doubts,
      );
      metrics.counter(
        'handoff_deliveries_held_total',
        'Attempts that failed because our own settings for the mail server are wrong.',
        () => holds,
      );
      metrics.counters('handoff_deliveries_sent_total', 'Messages that a provider took.', 'provider', () => sent);
    },
  };
}
