import type { MailRates } from './mail-rates.ts';

/** How one of the ways on which mail leaves is set up, and how it does. */
export interface MailProviderStanding {
  name: string;
  kind: string;
  /** As this process knows; null: it sends no mail, or another process does. */
  circuit: 'closed' | 'open' | 'half_open' | null;
  rates: MailRates;
}

export interface MailProviders {
  /** In the order in which they are tried. @throws AppError `temporal_unavailable`. */
  list(): Promise<MailProviderStanding[]>;
}
