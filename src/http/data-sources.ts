import { type Request, type Response, Router } from 'express';
import { z } from 'zod';

import { AppError, invalid } from '../errors.ts';
import {
  type DataSource,
  type DataSourceConnector,
  type DataSourceEntry,
  type DataSourceRequest,
  dataSourceRequest,
  type DataSources,
  type DataSourceSecrets,
  type DataSourceSettings,
  destinationOf,
} from '../jobs/data-sources.ts';
import { dataSourceName } from '../jobs/report-sources.ts';
import { audited, auditedWithin } from './auditing.ts';
import { tenantOf } from './authentication.ts';
import { declaredJson, parsedJson } from './json-body.ts';
import { route } from './routes.ts';
import { validated } from './validation.ts';

export interface DataSourceDependencies {
  dataSources: DataSources;
  connector: Pick<DataSourceConnector, 'check'>;
}

/** For connecting, and for the answer. */
const checkMs = 10_000;

export const dataSourceParameter = z
  .string()
  .regex(dataSourceName, 'must be 1 to 64 of a-z, 0-9, ., _ and -, and begin with a letter or digit');

const noSuchSource = () => new AppError('not_found', 'There is no such data source.');

/** What can't be the name of a data source has none. @throws AppError `not_found`. */
function nameIn(request: Request): string {
  const name = String(request.params['name']);
  if (!dataSourceName.test(name)) throw noSuchSource();
  return name;
}

const etagOf = ({ version }: DataSourceEntry) => `"${String(version ?? 0)}"`;

/** RFC 9110, 13.1; 0: there must be none. */
function expectedVersion(request: Request): number | undefined {
  if (request.get('If-None-Match')?.trim() === '*') return 0;
  const condition = request.get('If-Match')?.trim();
  if (condition === undefined) return undefined;
  const version = /^"([1-9]\d{0,8})"$/.exec(condition)?.[1];
  if (version === undefined) throw invalid('#header:If-Match', 'must be one ETag of this data source, like "3"');
  return Number(version);
}

/** @param secrets undefined: those that are there. */
function parted(asked: DataSourceRequest): { settings: DataSourceSettings; secrets: DataSourceSecrets | undefined; field: string } {
  if (asked.kind === 'http') {
    const { kind, url, headers } = asked;
    return { settings: { kind, url }, secrets: headers === undefined ? undefined : headers === null ? {} : { headers }, field: '/headers' };
  }
  const { kind, host, port, database, user, tls, ca, password } = asked;
  const secrets = password === undefined ? undefined : password === null ? {} : { password };
  return { settings: { kind, host, port, database, user, tls, ...(ca !== undefined && { ca }) }, secrets, field: '/password' };
}

function resourceOf({ name, description, settings, secretNames, version, changedAt }: DataSourceEntry) {
  const self = `/v1/data-sources/${name}`;
  return {
    ...{ name, description, settings, secretNames, version, configured: version === null },
    changedAt: changedAt?.toISOString() ?? null,
    links: { self, check: `${self}/check` },
  };
}

/** Where the rows of the caller's own tenant may come from. Secrets go in, and never out. */
export function dataSources({ dataSources: all, connector }: DataSourceDependencies): Router {
  async function checked(source: DataSource, response: Response): Promise<void> {
    const since = performance.now();
    const { serverVersion } = await connector.check(source, AbortSignal.timeout(checkMs)).catch((error: unknown) => {
      if ((error as Error).name !== 'TimeoutError') throw error;
      throw new AppError('data_source_unreachable', `It did not answer within ${String(checkMs / 1000)} seconds.`, { retryable: true });
    });
    response.json({ name: source.name, kind: source.settings.kind, serverVersion, milliseconds: Math.round(performance.now() - since) });
  }

  const router = Router();
  route(router, '/data-sources', {
    get: [
      'read',
      async (_request, response) => {
        response.json({ items: (await all.list(tenantOf(response))).map(resourceOf) });
      },
    ],
  });
  route(router, '/data-sources/:name', {
    get: [
      'read',
      async (request, response) => {
        const found = await all.find(tenantOf(response), nameIn(request));
        if (found === undefined) throw noSuchSource();
        response.set('ETag', etagOf(found)).json(resourceOf(found));
      },
    ],
    put: auditedWithin('data_source.put', 'admin', [declaredJson, parsedJson], async (entry, request, response) => {
      const [tenant, name] = [tenantOf(response), validated(dataSourceParameter, request.params['name'], ['name'])];
      const expected = expectedVersion(request);
      const asked = validated(dataSourceRequest, request.body);
      const { settings, secrets, field } = parted(asked);
      const old = secrets === undefined ? await all.find(tenant, name) : undefined;
      const kept = old !== undefined && old.secretNames.length > 0;
      // Or whoever may change addresses could read what only its server may know.
      if (kept && destinationOf(old.settings) !== destinationOf(settings))
        throw invalid(field, 'must be given again, or be null: what is there was given for another address or user');
      const ifVersion = expected ?? (kept ? (old.version ?? undefined) : undefined);
      const change = { tenant, name, settings, secrets, description: asked.description ?? null, ifVersion };
      const { made, source } = await all.put(change, entry);
      if (made) response.status(201).set('Location', `/v1/data-sources/${name}`);
      response.set('ETag', etagOf(source)).json(resourceOf(source));
    }),
    delete: auditedWithin('data_source.delete', 'admin', [], async (entry, request, response) => {
      if (!(await all.remove(tenantOf(response), nameIn(request), entry))) throw noSuchSource();
      response.status(204).end();
    }),
  });
  route(router, '/data-sources/:name/check', {
    post: audited('data_source.check', 'operate', [], async (request, response) => {
      const source = await all.open(tenantOf(response), nameIn(request));
      if (source === undefined) throw noSuchSource();
      return { target: source.name, act: () => checked(source, response) };
    }),
  });
  return router;
}
