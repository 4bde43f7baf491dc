import { type Request, type Response, Router } from 'express';
import { z } from 'zod';

import { AppError, invalid } from '../errors.ts';
import type { AuditAction, AuditEntry } from '../jobs/audit.ts';
import { openCursor, sealCursor } from '../jobs/cursor.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import { versionedName, type VersionEntry, type VersionPage, type VersionStore } from '../jobs/versions.ts';
import { auditedWithin } from './auditing.ts';
import { tenantOf } from './authentication.ts';
import { linkToNext, listQuery, queryOf } from './job-filters.ts';
import { declaredJson, parsedJson } from './json-body.ts';
import { route } from './routes.ts';
import { validated } from './validation.ts';

export const versionsQuery = z.strictObject({
  limit: listQuery.shape.limit.meta({ description: 'Entries on a page.' }),
  cursor: listQuery.shape.cursor.meta({ description: '`nextCursor` of the page before.' }),
});

/** What is put under names of a tenant's own, and never changes. */
export interface Versioned<Version extends VersionEntry> {
  /** Below `/v1`. */
  path: string;
  /** As in "There is no such …." */
  noun: string;
  /** Whether there is a route that shows what becomes of one. Default: there is. */
  hasPreview?: boolean;
  actions: { put: AuditAction; delete: AuditAction };
  store: Pick<VersionStore<Version, never>, 'find' | 'list' | 'versions' | 'remove'>;
  tenantKeys: TenantKeys;
  /** Checks the body, and stores it. */
  put: (
    asked: { tenant: string; name: string; ifVersion: number | undefined; body: unknown },
    entry: AuditEntry,
  ) => Promise<{ made: boolean; version: Version }>;
  /** What a version has beside what a list tells. */
  contentOf: (version: Version) => object;
}

/** What can't be a name has nothing under it. @throws AppError `not_found`. */
export function nameIn(request: Request, noun: string): string {
  const name = String(request.params['name']);
  if (!versionedName.safeParse(name).success) throw noSuch(noun);
  return name;
}

const noSuch = (noun: string) => new AppError('not_found', `There is no such ${noun}.`);

function versionIn(request: Request, noun: string): number {
  const text = String(request.params['version']);
  if (!/^[1-9]\d{0,8}$/.test(text)) throw noSuch(noun);
  return Number(text);
}

/** @throws AppError `not_found`. */
export async function versionOf<Version extends VersionEntry>(
  { store, noun }: { store: Pick<VersionStore<Version, never>, 'find'>; noun: string },
  request: Request,
  response: Response,
  version?: number,
): Promise<Version> {
  const found = await store.find(tenantOf(response), nameIn(request, noun), version);
  if (found === undefined) throw noSuch(noun);
  return found;
}

/** RFC 9110, 13.1: which version is meant to be the newest one; 0: none. */
function expectedVersion(request: Request, noun: string): number | undefined {
  if (request.get('If-None-Match')?.trim() === '*') return 0;
  const condition = request.get('If-Match')?.trim();
  if (condition === undefined) return undefined;
  const version = /^"([1-9]\d{0,8})"$/.exec(condition)?.[1];
  if (version === undefined) throw invalid('#header:If-Match', `must be one ETag of this ${noun}, like "3"`);
  return Number(version);
}

/** Names, their versions, and all that can be done with them but for what is special to one kind. */
export function versionRoutes<Version extends VersionEntry>(versioned: Versioned<Version>): Router {
  const { path, noun, hasPreview = true, actions, store, tenantKeys, put, contentOf } = versioned;
  type Read = (page: { limit: number; from?: string }) => Promise<VersionPage>;

  function linksOf({ name, version }: VersionEntry) {
    const self = `/v1${path}/${name}`;
    const links = { self, version: `${self}/versions/${String(version)}`, versions: `${self}/versions` };
    return hasPreview ? { ...links, preview: `${self}/preview` } : links;
  }

  function entryResource(entry: VersionEntry) {
    const { name, version, description, createdAt } = entry;
    return { name, version, description, createdAt: createdAt.toISOString(), links: linksOf(entry) };
  }

  async function sendPage(request: Request, response: Response, list: string, read: Read): Promise<void> {
    const tenant = tenantOf(response);
    const { limit, cursor } = queryOf(versionsQuery, request);
    const from = cursor === undefined ? {} : { from: Buffer.from(await openCursor(tenantKeys, tenant, list, cursor)).toString() };
    const { items, next } = await read({ limit, ...from });
    const nextCursor = next === null ? null : await sealCursor(tenantKeys, tenant, list, Buffer.from(next));
    if (nextCursor !== null) response.set('Link', linkToNext(request, nextCursor));
    response.json({ items: items.map(entryResource), nextCursor });
  }

  function send(response: Response, version: Version): void {
    response.set('ETag', `"${String(version.version)}"`).json({ ...entryResource(version), ...contentOf(version) });
  }

  const router = Router();
  route(router, path, {
    get: ['read', (request, response) => sendPage(request, response, `${noun}s`, (page) => store.list(tenantOf(response), page))],
  });
  route(router, `${path}/:name`, {
    get: [
      'read',
      async (request, response) => {
        send(response, await versionOf(versioned, request, response));
      },
    ],
    put: auditedWithin(actions.put, 'operate', [declaredJson, parsedJson], async (entry, request, response) => {
      const name = validated(versionedName, request.params['name'], ['name']);
      const ifVersion = expectedVersion(request, noun);
      const { made, version } = await put({ tenant: tenantOf(response), name, ifVersion, body: request.body }, entry);
      if (made) response.status(201).set('Location', linksOf(version).version);
      send(response, version);
    }),
    delete: auditedWithin(actions.delete, 'operate', [], async (entry, request, response) => {
      if (!(await store.remove(tenantOf(response), nameIn(request, noun), entry))) throw noSuch(noun);
      response.status(204).end();
    }),
  });
  route(router, `${path}/:name/versions`, {
    get: [
      'read',
      async (request, response) => {
        const { name } = await versionOf(versioned, request, response);
        await sendPage(request, response, `versions of the ${noun} ${name}`, (page) => store.versions(tenantOf(response), name, page));
      },
    ],
  });
  route(router, `${path}/:name/versions/:version`, {
    get: [
      'read',
      async (request, response) => {
        send(response, await versionOf(versioned, request, response, versionIn(request, noun)));
      },
    ],
  });
  return router;
}
