import { AppError } from '../errors.ts';
import type { DataSource, DataSourceEntry, DataSources } from './data-sources.ts';

/** As the operator of the installation has written it down. */
export interface ConfiguredSource extends DataSource {
  /** undefined: everybody's. */
  tenants: readonly string[] | undefined;
}

/** What is configured stands before what is stored. */
export function withConfigured(stored: DataSources, configured: readonly ConfiguredSource[]): DataSources {
  const ours = (tenant: string) => configured.filter(({ tenants }) => tenants?.includes(tenant) ?? true);
  const named = (tenant: string, name: string) => ours(tenant).find((one) => one.name === name);
  const entryOf = ({ name, description, settings, secretNames }: DataSource): DataSourceEntry => ({
    ...{ name, description, settings, secretNames, version: null, changedAt: null },
  });
  const refused = () => new AppError('data_source_configured', 'This data source stands in the configuration: requests can not change it.');
  return {
    async put(change, entry) {
      if (named(change.tenant, change.name)) throw refused();
      return stored.put(change, entry);
    },
    async find(tenant, name) {
      const found = named(tenant, name);
      return found ? entryOf(found) : stored.find(tenant, name);
    },
    async list(tenant) {
      const first = ours(tenant).map(entryOf);
      const others = (await stored.list(tenant)).filter(({ name }) => !first.some((one) => one.name === name));
      return [...first, ...others].sort((one, other) => (one.name < other.name ? -1 : 1));
    },
    open: async (tenant, name) => named(tenant, name) ?? stored.open(tenant, name),
    async remove(tenant, name, entry) {
      if (named(tenant, name)) throw refused();
      return stored.remove(tenant, name, entry);
    },
  };
}
