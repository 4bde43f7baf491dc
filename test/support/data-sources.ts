import { AppError } from '../../src/errors.ts';
import type { AuditLog } from '../../src/jobs/audit.ts';
import type { DataSource, DataSourceConnector, DataSources } from '../../src/jobs/data-sources.ts';

export interface TestDataSources {
  readonly kept: Map<string, DataSource>;
  check: DataSourceConnector['check'];
  readonly all: DataSources;
  readonly dependencies: { dataSources: DataSources; connector: Pick<DataSourceConnector, 'check'> };
  /** As new. */
  reset(): void;
}

const answers: DataSourceConnector['check'] = () => Promise.resolve({ serverVersion: '15.4' });

/** In memory, as the database does it. */
export function testDataSources(audit: Pick<AuditLog, 'record'>): TestDataSources {
  const kept = new Map<string, DataSource>();
  const key = (tenant: string, name: string) => `${tenant}/${name}`;
  const all: DataSources = {
    async put({ tenant, name, settings, description, secrets, ifVersion }, entry) {
      const old = kept.get(key(tenant, name));
      if (ifVersion !== undefined && ifVersion !== (old?.version ?? 0))
        throw new AppError('precondition_failed', 'It has changed meanwhile.');
      const version = (old?.version ?? 0) + 1;
      await audit.record({ ...entry, tenant, target: name, details: { version, kind: settings.kind, secrets: secrets !== undefined } });
      const held = secrets ?? old?.secrets ?? {};
      const secretNames = [...('password' in held ? ['password'] : []), ...Object.keys(held.headers ?? {})];
      const source = { name, settings, description, version, secretNames, secrets: held, changedAt: new Date(version) };
      kept.set(key(tenant, name), source);
      return { made: old === undefined, source };
    },
    find: (tenant, name) => Promise.resolve(kept.get(key(tenant, name))),
    list: (tenant) => Promise.resolve([...kept].flatMap(([at, source]) => (at.startsWith(`${tenant}/`) ? [source] : []))),
    open: (tenant, name) => Promise.resolve(kept.get(key(tenant, name))),
    async remove(tenant, name, entry) {
      if (!kept.delete(key(tenant, name))) return false;
      await audit.record({ ...entry, tenant, target: name });
      return true;
    },
  };
  const sources: TestDataSources = {
    ...{ kept, all, check: answers },
    dependencies: { dataSources: all, connector: { check: (source, signal) => sources.check(source, signal) } },
    reset() {
      kept.clear();
      sources.check = answers;
    },
  };
  return sources;
}
