import { type Config, ConfigError } from './config.ts';
import type { MailProviderStanding } from './jobs/mail-providers.ts';
import { createMailRates, type MailRateControl, type MailRates } from './jobs/mail-rates.ts';
import { workflowTaskQueue } from './jobs/client.ts';
import { createTemporalCalls } from './jobs/temporal-calls.ts';
import { namedProviders } from './mail-providers.ts';
import { tableOf } from './table.ts';
import { linkTemporal } from './temporal/connection.ts';
import { createProtection } from './temporal/protection.ts';

/** Who changed a rate, as Temporal keeps it; the name of a person is nothing that Temporal should have. */
const identity = 'handoff mail-providers';

async function withRates<T>(config: Config, say: (line: string) => void, use: (rates: MailRateControl) => Promise<T>): Promise<T> {
  const { address, connection, namespace } = config.temporal;
  if (address === undefined) throw new ConfigError('TEMPORAL_ADDRESS is not set.');
  const link = linkTemporal({ connection: { ...connection, address }, namespace, protection: createProtection(undefined), log: say });
  const calls = createTemporalCalls(link.client);
  try {
    await link.connected;
    const providers = namedProviders(config).map(({ name }) => name);
    return await use(createMailRates(calls, { providers, taskQueue: workflowTaskQueue }));
  } finally {
    calls.close();
    await link.close();
  }
}

/** `handoff mail-providers list`. */
export async function listMailProviders(config: Config, say: (line: string) => void): Promise<string> {
  const lines = await withRates(config, say, (rates) =>
    Promise.all(namedProviders(config).map(async ({ name, kind }) => ({ name, kind, circuit: null, rates: await rates.read(name) }))),
  );
  return providerTable(lines);
}

function providerTable(providers: readonly MailProviderStanding[]): string {
  const shown = (rate: number | null) => (rate === null ? '-' : rate === 0 ? '0 (paused)' : String(rate));
  const lines = providers.map(({ name, kind, rates }) => [name, kind, shown(rates.perSecond), shown(rates.bulkPerSecond)]);
  return tableOf([['PROVIDER', 'KIND', 'PER SECOND', 'BULK PER SECOND'], ...lines]);
}

/** @throws ConfigError. */
function rateOf(option: string, text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined;
  if (text === 'none') return null;
  const rate = /^\d{1,6}(\.\d{1,3})?$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(rate)) throw new ConfigError(`--${option}: must be a number of messages per second (0 pauses), or none`);
  return rate;
}

export interface RateOptions {
  'per-second'?: string | undefined;
  'bulk-per-second'?: string | undefined;
}

/** `handoff mail-providers rate <name>`: for all workers, and at once. @throws ConfigError. */
export async function setMailRate(config: Config, name: string, options: RateOptions, say: (line: string) => void): Promise<void> {
  const perSecond = rateOf('per-second', options['per-second']);
  const bulkPerSecond = rateOf('bulk-per-second', options['bulk-per-second']);
  const rates: Partial<MailRates> = {
    ...(perSecond !== undefined && { perSecond }),
    ...(bulkPerSecond !== undefined && { bulkPerSecond }),
  };
  if (Object.keys(rates).length === 0) throw new ConfigError('Which rate? --per-second 14, --bulk-per-second 10, or both');
  const known = namedProviders(config).map((provider) => provider.name);
  if (!known.includes(name)) throw new ConfigError(`There is no mail provider "${name}", only ${known.join(', ')}.`);
  await withRates(config, say, (control) => control.set(name, rates, identity));
  say('It counts at once, for all workers together.');
}
