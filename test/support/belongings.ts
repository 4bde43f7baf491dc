import { randomBytes } from 'node:crypto';
import { expect } from '@jest/globals';

import type { StoredFile } from '../../src/jobs/files.ts';
import { eventually } from './eventually.ts';
import { exchange } from './exchange.ts';

/** One tenant's way to the API. */
export interface TenantClient {
  /** Sends JSON, or a form as it is. */
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<TenantAnswer>;
}

export interface TenantAnswer {
  status: number;
  headers: Headers;
  text: string;
  /** The answer as JSON; an empty object when there is none. */
  body: Record<string, unknown>;
}

/** @param key without it, nobody's way. */
export function clientOf(port: number, key?: string): TenantClient {
  return {
    async ask(method, path, body, headers = {}) {
      const json = body !== undefined && !(body instanceof FormData);
      const sent = {
        ...(key !== undefined && { Authorization: `Bearer ${key}` }),
        ...(json && { 'Content-Type': 'application/json' }),
        ...headers,
      };
      const answer = await exchange(port, { method, path, headers: sent, body: json ? JSON.stringify(body) : body });
      const isJson = /json/.test(answer.headers.get('Content-Type') ?? '');
      return { ...answer, body: (isJson && answer.text !== '' ? JSON.parse(answer.text) : {}) as Record<string, unknown> };
    },
  };
}

/** By what stands in front of an id in a path: ids of one tenant's things, each of another kind or in another state. */
export type Belongings = Record<string, Record<string, string>>;

export function formOf(content: string, request: unknown, name = 'figures.csv'): FormData {
  const form = new FormData();
  form.append('file', new File([content], name, { type: 'text/csv' }));
  form.append('request', JSON.stringify(request));
  return form;
}

export const emailTo = (address: string, options: object = {}) => ({ to: [address], subject: 'Hello', text: 'Hi', options });
export const batchTo = (address: string, options: object = {}) => ({
  recipients: [{ to: address }],
  subject: 'News',
  text: 'Hi',
  options,
});
export const reportOf = (fileId: string, options: object = {}) => ({
  title: 'Figures',
  source: { fileId },
  outputs: [{ format: 'csv' }],
  options,
});

/** Of the file that is uploaded. */
export const content = 'city,sum\nOslo,1\n';

const later = { delaySeconds: 3_600 };
const once = { retry: { maximumAttempts: 1 } };

/**
 * Something of everything that a tenant can have, each made over HTTP. It needs workers for everything but operations, and a
 * mail server that refuses `later@…` for now and `never@…` for good.
 */
export async function belongingsOf(client: TenantClient): Promise<Belongings> {
  const ask: TenantClient['ask'] = (...request) => client.ask(...request);
  const made = async (path: string, body: unknown): Promise<string> => {
    const answer = await ask('POST', path, body);
    expect(answer.body).toEqual(expect.objectContaining({ id: expect.any(String) }));
    return String(answer.body['id']);
  };
  const until = (id: string, status: string) =>
    eventually(async () => {
      const { body } = await ask('GET', `/v1/jobs/${id}`);
      expect(body).toMatchObject({ status });
      return body['result'];
    });

  const upload = await made('/v1/uploads', formOf(content, {}));
  const { file } = (await until(upload, 'completed')) as { file: StoredFile };
  const [sent, parked, refused, cancelled, report] = await Promise.all([
    made('/v1/emails', emailTo('ada@example.com', { labels: { order: '42' } })),
    made('/v1/emails', emailTo('later@example.com', { ...once, labels: { order: '42' } })),
    made('/v1/emails', emailTo('never@example.com')),
    made('/v1/emails', emailTo('ada@example.com', later)),
    made('/v1/reports', reportOf(file.id)),
  ]);
  await ask('POST', `/v1/jobs/${cancelled}/cancel`);
  const jobs = {
    scheduledEmail: await made('/v1/emails', emailTo('ada@example.com', { ...later, labels: { order: '43' } })),
    scheduledReport: await made('/v1/reports', reportOf(file.id, later)),
    scheduledBatch: await made('/v1/email-batches', batchTo('ada@example.com', later)),
    scheduledUpload: await made('/v1/uploads', formOf('a\n1\n', { options: later })),
    ...{ sent, parked, refused, cancelled, report, upload },
  };
  const { files } = (await until(report, 'completed')) as { files: StoredFile[] };
  await Promise.all([until(sent, 'completed'), until(parked, 'dead_lettered'), until(refused, 'failed'), until(cancelled, 'cancelled')]);
  const template = { subject: 'Hello {{ name }}', text: 'Hi', schema: true, sample: { name: 'Ada' } };
  expect((await ask('PUT', '/v1/email-templates/welcome-of-acme', template)).status).toBe(201);
  const crm = { kind: 'postgresql', host: '127.0.0.1', port: 1, database: 'crm', user: 'reports', password: 'of acme' };
  expect((await ask('PUT', '/v1/data-sources/crm-of-acme', crm)).status).toBe(201);
  const definition = { title: 'Sales', source: { rows: [{ a: 1 }] }, outputs: [{ format: 'csv' }] };
  expect((await ask('PUT', '/v1/report-definitions/sales-of-acme', definition)).status).toBe(201);
  expect((await ask('PUT', '/v1/upload-presets/avatar-of-acme', {})).status).toBe(201);
  const begun = await ask('POST', '/v1/uploads/tus', undefined, { 'Tus-Resumable': '1.0.0', 'Upload-Length': '10' });
  expect(begun.status).toBe(201);
  const revoked = await made('/v1/api-keys', { scopes: ['read'] });
  await ask('DELETE', `/v1/api-keys/${revoked}`);
  return {
    '/v1/jobs/': jobs,
    '/v1/files/': { uploaded: file.id, reported: files[0]?.id ?? '' },
    '/v1/email-batches/': { scheduled: jobs.scheduledBatch },
    '/v1/bulk-actions/': { dryRun: await made('/v1/bulk-actions', { action: 'discard', filter: {}, dryRun: true }) },
    '/v1/email-templates/': { put: 'welcome-of-acme' },
    '/v1/data-sources/': { put: 'crm-of-acme' },
    '/v1/report-definitions/': { put: 'sales-of-acme' },
    '/v1/upload-presets/': { put: 'avatar-of-acme' },
    '/v1/uploads/tus/': { begun: begun.headers.get('Location')?.split('/').at(-1) ?? '' },
    '/v1/uploads/presigned/': {
      open: await made('/v1/uploads/presigned', { name: 'a.csv', contentType: 'text/csv', size: 9, request: { variants: [] } }),
    },
    '/v1/suppressions/': { byHand: await made('/v1/suppressions', { address: 'eve@example.com' }) },
    '/v1/api-keys/': { valid: await made('/v1/api-keys', { name: 'shop of acme', scopes: ['read'] }), revoked },
  };
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/** An id of the same kind, with the same tag of a tenant, that nothing has. */
export function unknownLike(id: string): string {
  const [prefix = '', tail = ''] = id.split('_');
  if (prefix === 'key') return `key_${randomBytes(13).toString('hex')}`;
  const random = [...randomBytes(20)].map((byte) => alphabet.charAt(byte % 32)).join('');
  return `${prefix}_${tail.slice(0, 6)}${random}`;
}

/** What is no id at all, made of one. As it stands in a path. */
export const malformedLike = (id: string): string[] => [
  'x',
  `${id}x`,
  id.slice(0, -1),
  id.toUpperCase(),
  `${id}%00`,
  `%00`,
  `${id}%20`,
  `${id}%2F`,
  `x%2F..%2F${id}`,
  `${id}%3Fx`,
  `%27%20OR%20%27%27%3D%27`,
  `${id}%27%20OR%20HandoffTenant%20!%3D%20%27`,
  '%F0%9F%94%91',
  'a'.repeat(2_000),
];
