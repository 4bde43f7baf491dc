import { type Request, type Response, Router } from 'express';
import { z } from 'zod';

import { AppError, invalid } from '../errors.ts';
import { openCursor, sealCursor } from '../jobs/cursor.ts';
import { templateName } from '../jobs/email-fields.ts';
import type { TemplateEngine, TemplateEntry, TemplatePage, TemplateStore, TemplateVersion } from '../jobs/email-templates.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import { auditedWithin } from './auditing.ts';
import { tenantOf } from './authentication.ts';
import { linkToNext, listQuery, queryOf } from './job-filters.ts';
import { declaredJson, parsedJson } from './json-body.ts';
import { route } from './routes.ts';
import type { RefuseSecrets } from './secrets-in-request.ts';
import { templateRequest } from './template-requests.ts';
import { validated } from './validation.ts';

export interface TemplateDependencies {
  templates: TemplateStore;
  templateEngine: TemplateEngine;
  tenantKeys: TenantKeys;
  refuseSecrets: RefuseSecrets;
}

export const templatesQuery = z.strictObject({
  limit: listQuery.shape.limit.meta({ description: 'Templates on a page.' }),
  cursor: listQuery.shape.cursor.meta({ description: '`nextCursor` of the page before.' }),
});

const noSuchTemplate = () => new AppError('not_found', 'There is no such e-mail template.');

/** What can't be the name of a template has none. @throws AppError `not_found`. */
export function nameIn(request: Request): string {
  const name = String(request.params['name']);
  if (!templateName.safeParse(name).success) throw noSuchTemplate();
  return name;
}

function versionIn(request: Request): number {
  const text = String(request.params['version']);
  if (!/^[1-9]\d{0,8}$/.test(text)) throw noSuchTemplate();
  return Number(text);
}

/** @throws AppError `not_found`. */
export async function templateOf(store: TemplateStore, request: Request, response: Response, version?: number): Promise<TemplateVersion> {
  const found = await store.find(tenantOf(response), nameIn(request), version);
  if (found === undefined) throw noSuchTemplate();
  return found;
}

const etagOf = ({ version }: TemplateEntry) => `"${String(version)}"`;

/** RFC 9110, 13.1: which version is meant to be the newest one; 0: none. */
function expectedVersion(request: Request): number | undefined {
  if (request.get('If-None-Match')?.trim() === '*') return 0;
  const condition = request.get('If-Match')?.trim();
  if (condition === undefined) return undefined;
  const version = /^"([1-9]\d{0,8})"$/.exec(condition)?.[1];
  if (version === undefined) throw invalid('#header:If-Match', 'must be one ETag of this template, like "3"');
  return Number(version);
}

function linksOf({ name, version }: TemplateEntry) {
  const self = `/v1/email-templates/${name}`;
  return { self, version: `${self}/versions/${String(version)}`, versions: `${self}/versions`, preview: `${self}/preview` };
}

function entryResource(entry: TemplateEntry) {
  const { name, version, description, createdAt } = entry;
  return { name, version, description, createdAt: createdAt.toISOString(), links: linksOf(entry) };
}

function resourceOf(template: TemplateVersion) {
  const { subject, mjml = null, html = null, text = null, schema, sample } = template.source;
  return { ...entryResource(template), subject, mjml, html, text, schema, sample };
}

/** The e-mail templates of the caller's own tenant, and their versions. */
export function emailTemplates({ templates, templateEngine, tenantKeys, refuseSecrets }: TemplateDependencies): Router {
  type Read = (page: { limit: number; from?: string }) => Promise<TemplatePage<TemplateEntry>>;

  async function sendPage(request: Request, response: Response, list: string, read: Read): Promise<void> {
    const tenant = tenantOf(response);
    const { limit, cursor } = queryOf(templatesQuery, request);
    const from = cursor === undefined ? {} : { from: Buffer.from(await openCursor(tenantKeys, tenant, list, cursor)).toString() };
    const { items, next } = await read({ limit, ...from });
    const nextCursor = next === null ? null : await sealCursor(tenantKeys, tenant, list, Buffer.from(next));
    if (nextCursor !== null) response.set('Link', linkToNext(request, nextCursor));
    response.json({ items: items.map(entryResource), nextCursor });
  }

  function send(response: Response, template: TemplateVersion): void {
    response.set('ETag', etagOf(template)).json(resourceOf(template));
  }

  const router = Router();
  route(router, '/email-templates', {
    get: [
      'read',
      (request, response) => sendPage(request, response, 'email templates', (page) => templates.list(tenantOf(response), page)),
    ],
  });
  route(router, '/email-templates/:name', {
    get: [
      'read',
      async (request, response) => {
        send(response, await templateOf(templates, request, response));
      },
    ],
    put: auditedWithin('email_template.put', 'operate', [declaredJson, parsedJson], async (entry, request, response) => {
      const name = validated(templateName, request.params['name'], ['name']);
      const ifVersion = expectedVersion(request);
      const source = validated(templateRequest, request.body);
      refuseSecrets(request.body);
      const parts = await templateEngine.compile(source);
      const { made, version } = await templates.put({ tenant: tenantOf(response), name, source, parts, ifVersion }, entry);
      if (made) response.status(201).set('Location', linksOf(version).version);
      send(response, version);
    }),
    delete: auditedWithin('email_template.delete', 'operate', [], async (entry, request, response) => {
      if (!(await templates.remove(tenantOf(response), nameIn(request), entry))) throw noSuchTemplate();
      response.status(204).end();
    }),
  });
  route(router, '/email-templates/:name/versions', {
    get: [
      'read',
      async (request, response) => {
        const { name } = await templateOf(templates, request, response);
        await sendPage(request, response, `versions of ${name}`, (page) => templates.versions(tenantOf(response), name, page));
      },
    ],
  });
  route(router, '/email-templates/:name/versions/:version', {
    get: [
      'read',
      async (request, response) => {
        const version = versionIn(request);
        send(response, await templateOf(templates, request, response, version));
      },
    ],
  });
  return router;
}
