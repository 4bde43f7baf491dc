import { type Request, type Response, Router } from 'express';
import { z } from 'zod';

import { AppError, invalid } from '../errors.ts';
import { openCursor, sealCursor } from '../jobs/cursor.ts';
import { versionedName as presetName } from '../jobs/versions.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import { type PresetStore, type PresetVersion, uploadPresetRequest } from '../jobs/upload-presets.ts';
import { auditedWithin } from './auditing.ts';
import { tenantOf } from './authentication.ts';
import { linkToNext, listQuery, queryOf } from './job-filters.ts';
import { declaredJson, parsedJson } from './json-body.ts';
import { route } from './routes.ts';
import type { RefuseSecrets } from './secrets-in-request.ts';
import { validated } from './validation.ts';

export interface PresetDependencies {
  presets: PresetStore;
  tenantKeys: TenantKeys;
  refuseSecrets: RefuseSecrets;
}

export const presetsQuery = z.strictObject({
  limit: listQuery.shape.limit.meta({ description: 'Presets on a page.' }),
  cursor: listQuery.shape.cursor.meta({ description: '`nextCursor` of the page before.' }),
});

const list = 'upload presets';
const noSuchPreset = () => new AppError('not_found', 'There is no such upload preset.');

/** @throws AppError `not_found`. */
async function presetOf(store: PresetStore, request: Request, response: Response): Promise<PresetVersion> {
  const { name, version = '' } = request.params as { name: string; version?: string };
  if (!presetName.safeParse(name).success || !/^(?:[1-9]\d{0,8})?$/.test(version)) throw noSuchPreset();
  const found = await store.find(tenantOf(response), name, version === '' ? undefined : Number(version));
  if (found === undefined) throw noSuchPreset();
  return found;
}

/** RFC 9110, 13.1: which version is meant to be the newest one; 0: none. */
function expectedVersion(request: Request): number | undefined {
  if (request.get('If-None-Match')?.trim() === '*') return 0;
  const condition = request.get('If-Match')?.trim();
  if (condition === undefined) return undefined;
  const version = /^"([1-9]\d{0,8})"$/.exec(condition)?.[1];
  if (version === undefined) throw invalid('#header:If-Match', 'must be one ETag of this preset, like "3"');
  return Number(version);
}

function linksOf({ name, version }: PresetVersion) {
  const self = `/v1/upload-presets/${name}`;
  return { self, version: `${self}/versions/${String(version)}` };
}

function resourceOf(preset: PresetVersion) {
  const { name, version, createdAt, source } = preset;
  return { name, version, createdAt: createdAt.toISOString(), ...source, links: linksOf(preset) };
}

/** What is done with files that are uploaded, by name and version, of the caller's own tenant. */
export function uploadPresets({ presets, tenantKeys, refuseSecrets }: PresetDependencies): Router {
  const send = (response: Response, preset: PresetVersion) => response.set('ETag', `"${String(preset.version)}"`).json(resourceOf(preset));
  const sendOne = async (request: Request, response: Response) => {
    send(response, await presetOf(presets, request, response));
  };

  const router = Router();
  route(router, '/upload-presets', {
    get: [
      'read',
      async (request, response) => {
        const tenant = tenantOf(response);
        const { limit, cursor } = queryOf(presetsQuery, request);
        const from = cursor === undefined ? {} : { from: Buffer.from(await openCursor(tenantKeys, tenant, list, cursor)).toString() };
        const { items, next } = await presets.list(tenant, { limit, ...from });
        const nextCursor = next === null ? null : await sealCursor(tenantKeys, tenant, list, Buffer.from(next));
        if (nextCursor !== null) response.set('Link', linkToNext(request, nextCursor));
        response.json({ items: items.map(resourceOf), nextCursor });
      },
    ],
  });
  route(router, '/upload-presets/:name', {
    get: ['read', sendOne],
    put: auditedWithin('upload_preset.put', 'operate', [declaredJson, parsedJson], async (entry, request, response) => {
      const name = validated(presetName, request.params['name'], ['name']);
      const ifVersion = expectedVersion(request);
      const source = validated(uploadPresetRequest, request.body);
      refuseSecrets(request.body);
      const { made, version } = await presets.put({ tenant: tenantOf(response), name, source, ifVersion }, entry);
      if (made) response.status(201).set('Location', linksOf(version).version);
      send(response, version);
    }),
    delete: auditedWithin('upload_preset.delete', 'operate', [], async (entry, request, response) => {
      const name = String(request.params['name']);
      const is = presetName.safeParse(name).success && (await presets.remove(tenantOf(response), name, entry));
      if (!is) throw noSuchPreset();
      response.status(204).end();
    }),
  });
  route(router, '/upload-presets/:name/versions/:version', { get: ['read', sendOne] });
  return router;
}
