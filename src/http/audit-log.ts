import { type Request, type Response, Router } from 'express';
import { z } from 'zod';

import { AppError } from '../errors.ts';
import { allOf, auditActions, type AuditFilter, type AuditLog, type AuditRecord, auditResource } from '../jobs/audit.ts';
import { openCursor, sealCursor } from '../jobs/cursor.ts';
import type { Cell } from '../jobs/report.ts';
import { singleLine } from '../jobs/single-line.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import { tenantOf } from './authentication.ts';
import { countQuery, linkToNext, listQuery, queryOf, searchParams } from './job-filters.ts';
import { route } from './routes.ts';
import { begun, sendChunks, whileValid } from './streamed-body.ts';

export interface AuditLogDependencies {
  audit: AuditLog;
  tenantKeys: TenantKeys;
  /** With a guard against text that a spreadsheet would take for a formula. */
  writeCsv: (table: { title: string; columns: string[]; rows: AsyncIterable<Cell[]> }) => AsyncIterable<Uint8Array>;
}

const word = singleLine.min(1).max(200).optional();
const { createdAfter, createdBefore } = countQuery.shape;

export const auditQuery = z.strictObject({
  action: z
    .enum(auditActions, `must be one of ${auditActions.join(', ')}`)
    .optional()
    .meta({ examples: ['job.cancel'] }),
  actor: word.meta({ description: 'Id of an API key, or what else an entry has as `actor`.' }),
  target: word.meta({ description: 'Id of a job, file, API key, …' }),
  after: createdAfter,
  before: createdBefore,
  limit: listQuery.shape.limit.meta({ description: 'Entries on a page. Not for an export.' }),
  cursor: listQuery.shape.cursor.meta({ description: '`nextCursor` of the page before, with the same filters. Not for an export.' }),
});

function filterOf({ action, actor, target, after, before }: z.infer<typeof auditQuery>): AuditFilter {
  return {
    ...(action !== undefined && { action }),
    ...(actor !== undefined && { actor }),
    ...(target !== undefined && { target }),
    ...(after !== undefined && { after: new Date(after) }),
    ...(before !== undefined && { before: new Date(before) }),
  };
}

const columns = ['at', 'id', 'actor', 'action', 'outcome', 'target', 'reason', 'address', 'requestId', 'details'] as const;

async function* rowsOf(pages: AsyncIterable<AuditRecord[]>): AsyncGenerator<Cell[]> {
  for await (const page of pages)
    for (const { details, ...rest } of page.map(auditResource)) {
      const cells = { ...rest, details: details && JSON.stringify(details) };
      yield columns.map((column) => cells[column]);
    }
}

async function* linesOf(pages: AsyncIterable<AuditRecord[]>): AsyncGenerator<string> {
  for await (const page of pages) yield page.map((record) => `${JSON.stringify(auditResource(record))}\n`).join('');
}

function assertWhole(request: Request): void {
  const [name] = ['limit', 'cursor'].filter((each) => searchParams(request).has(each));
  if (name === undefined) return;
  const detail = 'is for pages: an export has all that fits';
  throw new AppError('invalid_filter', `${name}: ${detail}.`, { errors: [{ pointer: `#query:${name}`, detail }] });
}

/** Of the caller's own tenant, newest first: page by page, or all at once as NDJSON or CSV. */
export function auditLog({ audit, tenantKeys, writeCsv }: AuditLogDependencies): Router {
  async function sendPage(request: Request, response: Response): Promise<void> {
    const query = queryOf(auditQuery, request);
    const { limit, cursor } = query;
    const [tenant, filter] = [tenantOf(response), filterOf(query)];
    const signed = `audit log ${JSON.stringify(filter)}`;
    const from = cursor === undefined ? {} : { from: Buffer.from(await openCursor(tenantKeys, tenant, signed, cursor)).toString() };
    const { items, next } = await audit.list(tenant, filter, { limit, ...from });
    const nextCursor = next === null ? null : await sealCursor(tenantKeys, tenant, signed, Buffer.from(next));
    if (nextCursor !== null) response.set('Link', linkToNext(request, nextCursor));
    response.json({ items: items.map(auditResource), nextCursor });
  }

  async function sendAll(request: Request, response: Response, type: 'application/x-ndjson' | 'text/csv'): Promise<void> {
    const filter = filterOf(queryOf(auditQuery, request));
    assertWhole(request);
    response.type(type);
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const pages = whileValid(response, allOf(audit, tenantOf(response), filter));
    const chunks = type === 'text/csv' ? writeCsv({ title: '', columns: [...columns], rows: rowsOf(pages) }) : linesOf(pages);
    await sendChunks(response, await begun(chunks as AsyncIterable<Uint8Array | string>));
  }

  const router = Router();
  route(router, '/audit-log', {
    get: [
      'admin',
      async (request, response) => {
        response.set('Cache-Control', 'no-store').vary('Accept');
        const type = request.accepts(['application/json', 'application/x-ndjson', 'text/csv']);
        if (type === 'application/x-ndjson' || type === 'text/csv') await sendAll(request, response, type);
        else await sendPage(request, response);
      },
    ],
  });
  return router;
}
