import { expect } from '@jest/globals';

import type { AuditAction, AuditEntry } from '../../src/jobs/audit.ts';
import { fileIdFor, newJobId, newSuppressionId } from '../../src/jobs/ids.ts';
import { postfixBounce } from './reports.ts';

export const jobId = newJobId('email', 'acme', 'k');
export const bulkId = newJobId('bulk', 'acme', 'k');
const batchId = newJobId('batch', 'acme', 'k');
export const fileId = fileIdFor(jobId, 'x');
export const suppressionId = newSuppressionId('acme');
const aSupp = expect.stringMatching(/^supp_/) as unknown as string;

export interface Audited {
  action: AuditAction;
  id?: string;
  body?: object;
  /** In place of a body of JSON. */
  text?: { type: string; body: string };
  status: number;
  /** null: it is not known before. */
  target?: string | null;
  reason?: string;
  details?: AuditEntry['details'];
}

const bulk = { action: 'discard', filter: { type: 'email', label: { 'ada@example.com': 'x' } }, reason: 'Stale', ratePerSecond: 5 };
const key = 'key_00000000000000000000000000';
const one = (name: string, changes: Partial<Audited> & Pick<Audited, 'action'>): [string, Audited] => [
  name,
  { id: jobId, status: 202, ...changes },
];

/** A request to each route that leaves an entry, and what the entry says. */
export const auditedRoutes: [string, Audited][] = [
  one('post /v1/jobs/{id}/cancel', { action: 'job.cancel' }),
  one('post /v1/jobs/{id}/retry', { action: 'job.retry' }),
  one('post /v1/jobs/{id}/discard', { action: 'job.discard', body: { reason: 'Twice' }, reason: 'Twice' }),
  one('post /v1/jobs/{id}/notes', { action: 'job.note', body: { text: 'Ada has moved' } }),
  one('patch /v1/jobs/{id}', {
    action: 'job.edit',
    body: { options: { priority: 1, labels: { who: 'Ada' } }, request: { secret: 'Ada' } },
    status: 200,
    details: { changes: ['priority', 'labels', 'request'] },
  }),
  one('post /v1/jobs/{id}/tokens', { action: 'job_token.create', body: { ttlSeconds: 9 }, status: 201, details: { ttlSeconds: 9 } }),
  one('post /v1/bulk-actions', {
    action: 'bulk_action.start',
    body: { ...bulk, filter: { type: 'email', label: { customer: 'Ada' } } },
    reason: 'Stale',
    target: expect.stringMatching(/^bulk_/) as unknown as string,
    details: {
      ...{ action: 'discard', dryRun: false, ratePerSecond: 5 },
      filter: { type: 'email', statuses: ['dead_lettered'], labels: ['customer'], createdAfter: null, createdBefore: null },
    },
  }),
  one('post /v1/bulk-actions/{id}/pause', { action: 'bulk_action.pause', id: bulkId }),
  one('post /v1/bulk-actions/{id}/resume', { action: 'bulk_action.resume', id: bulkId }),
  one('post /v1/bulk-actions/{id}/abort', { action: 'bulk_action.abort', id: bulkId }),
  one('post /v1/email-batches/{id}/pause', { action: 'email_batch.pause', id: batchId }),
  one('post /v1/email-batches/{id}/resume', { action: 'email_batch.resume', id: batchId }),
  one('delete /v1/files/{id}', { action: 'file.delete', id: fileId, status: 204 }),
  one('post /v1/api-keys', { action: 'api_key.create', body: { scopes: ['read'], name: 'Ada' }, status: 201, target: null }),
  one('delete /v1/api-keys/{id}', { action: 'api_key.revoke', id: key, status: 204 }),
  one('post /v1/codec/decode', {
    action: 'payload.decode',
    body: { payloads: [{ data: 'QWRh' }, { data: 'QWRh' }] },
    ...{ status: 200, target: null, details: { payloads: 2 } },
  }),
  one('post /v1/api-keys/{id}/rotate', { action: 'api_key.rotate', id: key, status: 201 }),
  one('put /v1/api-keys/{id}/limits', { action: 'limit.change', id: key, body: { requestsPerMinute: 60 }, status: 200 }),
  one('put /v1/email-templates/{name}', {
    action: 'email_template.put',
    id: 'welcome',
    body: { subject: 'Ada', text: 'Ada', schema: true, sample: { name: 'Ada' } },
    status: 200,
    details: { version: 1, new: false },
  }),
  one('delete /v1/email-templates/{name}', { action: 'email_template.delete', id: 'welcome', status: 204 }),
  one('put /v1/data-sources/{name}', {
    action: 'data_source.put',
    id: 'crm',
    body: { kind: 'postgresql', host: 'db.example.com', database: 'crm', user: 'Ada', password: 'Ada' },
    status: 200,
    details: { version: 2, kind: 'postgresql', secrets: true },
  }),
  one('delete /v1/data-sources/{name}', { action: 'data_source.delete', id: 'crm', status: 204 }),
  one('post /v1/data-sources/{name}/check', { action: 'data_source.check', id: 'crm', status: 200 }),
  one('put /v1/report-definitions/{name}', {
    action: 'report_definition.put',
    id: 'sales',
    body: { title: 'Ada', source: { rows: [{ name: 'Ada' }] }, outputs: [{ format: 'csv' }] },
    status: 200,
    details: { version: 1, new: false },
  }),
  one('delete /v1/report-definitions/{name}', { action: 'report_definition.delete', id: 'sales', status: 204 }),
  one('put /v1/upload-presets/{name}', {
    action: 'upload_preset.put',
    id: 'avatar',
    body: { description: 'Of Ada' },
    status: 200,
    details: { version: 1, new: false },
  }),
  one('delete /v1/upload-presets/{name}', { action: 'upload_preset.delete', id: 'avatar', status: 204 }),
  one('post /v1/suppressions', {
    action: 'suppression.add',
    body: { address: 'Ada@example.com', reason: 'complaint', note: 'Ada' },
    ...{ status: 201, target: aSupp, details: { category: 'all', reason: 'complaint' } },
  }),
  one('post /v1/suppressions/import', {
    action: 'suppression.import',
    text: { type: 'text/csv', body: 'email\nAda@example.com\nAda.L@example.com\n' },
    ...{ status: 200, target: null, details: { lines: 2 } },
  }),
  one('delete /v1/suppressions/{id}', {
    action: 'suppression.remove',
    ...{ id: suppressionId, status: 204, details: { category: 'bulk', reason: 'manual' } },
  }),
  one('post /v1/bounces', {
    action: 'suppression.add',
    text: { type: 'message/rfc822', body: postfixBounce },
    ...{ status: 200, target: aSupp, details: { category: 'all', reason: 'bounce' } },
  }),
  one('put /v1/limits', { action: 'limit.change', body: { openJobs: 7 }, status: 200, target: null }),
];
