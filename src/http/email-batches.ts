import { type Request, type Response, Router } from 'express';
import { z } from 'zod';

import { AppError } from '../errors.ts';
import type { BatchInput } from '../jobs/batch.ts';
import { type KnownDeliveries, outcomesOf, type RecipientReport, recipientStatuses } from '../jobs/batch-outcomes.ts';
import type { JobClient } from '../jobs/client.ts';
import { openCursor, sealCursor } from '../jobs/cursor.ts';
import type { FileStore } from '../jobs/files.ts';
import type { Cell } from '../jobs/report.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import { audited } from './auditing.ts';
import type { AuditLogDependencies } from './audit-log.ts';
import { tenantOf } from './authentication.ts';
import { linkToNext, listQuery, queryOf } from './job-filters.ts';
import { nothing } from './job-actions.ts';
import { declaredJsonIfAny, parsedJson } from './json-body.ts';
import type { Presenter } from './presentation.ts';
import { route } from './routes.ts';
import { begun, sendChunks, whileValid } from './streamed-body.ts';
import { validated } from './validation.ts';

export interface EmailBatchDependencies extends Pick<AuditLogDependencies, 'writeCsv'> {
  jobs: Pick<JobClient, 'batches'>;
  files: FileStore;
  deliveries: KnownDeliveries;
  presenter: Presenter;
  tenantKeys: TenantKeys;
}

const status = z
  .enum(recipientStatuses, `must be one of ${recipientStatuses.join(', ')}`)
  .optional()
  .meta({ description: 'Only those.' });

export const recipientsQuery = z.strictObject({
  status,
  limit: listQuery.shape.limit.meta({ description: 'Recipients on a page. Not for CSV.' }),
  cursor: listQuery.shape.cursor.meta({ description: '`nextCursor` of the page before, with the same filter. Not for CSV.' }),
});

export const recipientsCsvQuery = z.strictObject({ status });

/** Recipients that are looked at in one go for a download. */
const exportedAtOnce = 1_000;
const columns = ['seq', 'to', 'status', 'code', 'response', 'messageId', 'at'] as const;

const resourceOf = ({ at, ...report }: RecipientReport) => ({ ...report, at: at?.toISOString() ?? null });

async function* rowsOf(blocks: AsyncIterable<RecipientReport[]>): AsyncGenerator<Cell[]> {
  for await (const block of blocks) for (const report of block.map(resourceOf)) yield columns.map((column) => report[column]);
}

const missing = () => new AppError('not_found', 'There is no such batch.');

/** Pausing a batch, and what became of its recipients. All else is as with every job. */
export function emailBatches({ jobs, files, deliveries, presenter, tenantKeys, writeCsv }: EmailBatchDependencies): Router {
  const sources = { files, deliveries };
  const idOf = (request: Request) => String(request.params['id']);

  async function inputOf(request: Request, response: Response): Promise<BatchInput> {
    const input = await jobs.batches.input(tenantOf(response), idOf(request));
    if (input === undefined) throw missing();
    return input;
  }

  async function sendPage(request: Request, response: Response): Promise<void> {
    const { status, limit, cursor } = queryOf(recipientsQuery, request, ['status']);
    const [id, tenant] = [idOf(request), tenantOf(response)];
    const input = await inputOf(request, response);
    const signed = `recipients ${id} ${status ?? ''}`;
    const from = cursor === undefined ? 0 : Number(Buffer.from(await openCursor(tenantKeys, tenant, signed, cursor)).toString());
    const found: RecipientReport[] = [];
    // One more than fits tells whether there is a next page.
    const blockSize = status === 'queued' ? exportedAtOnce : limit + 1;
    for await (const block of outcomesOf(id, input, sources, { status, from, blockSize })) {
      found.push(...block);
      if (found.length > limit) break;
    }
    const next = found[limit];
    const nextCursor = next === undefined ? null : await sealCursor(tenantKeys, tenant, signed, Buffer.from(String(next.seq)));
    if (nextCursor !== null) response.set('Link', linkToNext(request, nextCursor));
    response.json({ items: found.slice(0, limit).map(resourceOf), nextCursor });
  }

  async function sendCsv(request: Request, response: Response): Promise<void> {
    const { status } = queryOf(recipientsCsvQuery, request, ['status']);
    const input = await inputOf(request, response);
    const name = `${idOf(request)}-recipients.csv`;
    response.type('text/csv').set('Content-Disposition', `attachment; filename="${name}"`);
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const blocks = outcomesOf(idOf(request), input, sources, { status, from: 0, blockSize: exportedAtOnce });
    await sendChunks(response, await begun(writeCsv({ title: '', columns: [...columns], rows: rowsOf(whileValid(response, blocks)) })));
  }

  const router = Router();
  route(router, '/email-batches/:id/recipients', {
    get: [
      'read',
      async (request, response) => {
        response.vary('Accept');
        if (request.accepts(['application/json', 'text/csv']) === 'text/csv') await sendCsv(request, response);
        else await sendPage(request, response);
      },
    ],
  });
  route(router, '/email-batches/:id/recipients.csv', { get: ['read', sendCsv] });

  for (const name of ['pause', 'resume'] as const)
    route(router, `/email-batches/:id/${name}`, {
      post: audited(`email_batch.${name}`, 'operate', [declaredJsonIfAny, parsedJson], (request, response) => {
        validated(nothing, request.body ?? {});
        return {
          act: async () => {
            const job = await jobs.batches[name](tenantOf(response), idOf(request));
            if (job === undefined) throw missing();
            response.status(202).json(await presenter.job(job, tenantOf(response)));
          },
        };
      }),
    });
  return router;
}
