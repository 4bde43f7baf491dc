import { describe, expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import type { BatchInput } from '../../../src/jobs/batch.ts';
import { newJobId } from '../../../src/jobs/ids.ts';
import { aJob, testApi } from '../../support/api.ts';

const api = testApi();
const message = { subject: 'News', text: 'Hi' };
const id = newJobId('batch', 'acme', 'k');
const post = (body: object) => api.agent().post('/v1/email-batches').send(body);
const inputs = () => api.started.map(({ input }) => input as BatchInput);

describe('a batch', () => {
  test.each(['pause', 'resume'] as const)('can be told to %s, and says when it cannot', async (name) => {
    expect((await api.agent().post(`/v1/email-batches/${id}/${name}`)).status).toBe(404);
    api.batches[name] = () => Promise.resolve(aJob({ id, type: 'batch', status: 'running' }));
    const response = await api.agent().post(`/v1/email-batches/${id}/${name}`);
    expect([response.status, response.body]).toMatchObject([202, { id, status: 'running' }]);
    api.batches[name] = () => Promise.reject(new AppError('job_not_pausable', 'The batch is completed.'));
    const refused = await api.agent().post(`/v1/email-batches/${id}/${name}`);
    expect([refused.status, refused.body]).toMatchObject([409, { code: 'job_not_pausable' }]);
  });

  /** With 250 recipients, of whom the first 120 had their turn. */
  async function aBatch(): Promise<void> {
    await post({ recipients: Array.from({ length: 250 }, (_, index) => ({ to: `r${String(index)}@example.com` })), ...message });
    const [input] = inputs() as [BatchInput];
    api.batches.input = (tenant, asked) => Promise.resolve(tenant === 'acme' && asked === id ? input : undefined);
    api.deliveries = Array.from({ length: 120 }, (_, seq) => ({
      seq,
      state: seq % 50 === 7 ? 'failed' : 'sent',
      code: seq % 50 === 7 ? 'recipient_rejected' : null,
      response: seq % 50 === 7 ? '=1+1' : '250 OK',
      messageId: `<${String(seq)}@example.org>`,
      changedAt: new Date(0),
    }));
  }
  const recipients = `/v1/email-batches/${id}/recipients`;

  async function allPages(query: string): Promise<{ seq: number; to: string; status: string }[]> {
    const items: { seq: number; to: string; status: string }[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page = await api.agent().get(`${recipients}?${query}${cursor === '' ? '' : `&cursor=${cursor}`}`);
      expect(page.status).toBe(200);
      const body = page.body as { items: typeof items; nextCursor: string | null };
      items.push(...body.items);
      cursor = body.nextCursor;
    }
    return items;
  }

  test('tells page by page what became of each recipient, those without a turn included', async () => {
    await aBatch();
    const items = await allPages('limit=70');
    expect(items.map(({ seq }) => seq)).toEqual(Array.from({ length: 250 }, (_, seq) => seq));
    expect(items.every(({ seq, to }) => to === `r${String(seq)}@example.com`)).toBe(true);
    expect(items[7]).toMatchObject({ status: 'failed', code: 'recipient_rejected', response: '=1+1', at: '1970-01-01T00:00:00.000Z' });
    expect(items[249]).toEqual({
      seq: 249,
      to: 'r249@example.com',
      status: 'queued',
      code: null,
      response: null,
      messageId: null,
      at: null,
    });
  });

  test.each([
    ['failed', [7, 57, 107]],
    ['queued', Array.from({ length: 130 }, (_, index) => 120 + index)],
    ['suppressed', []],
  ])('lists only the %s ones', async (status, seqs) => {
    await aBatch();
    const items = await allPages(`status=${status}&limit=2`.replace('limit=2', status === 'queued' ? 'limit=60' : 'limit=2'));
    expect(items.map(({ seq, to }) => [seq, to])).toEqual(seqs.map((seq) => [seq, `r${String(seq)}@example.com`]));
  });

  test('takes no cursor of another filter or batch, and no unknown status', async () => {
    await aBatch();
    const { nextCursor } = (await api.agent().get(`${recipients}?limit=1`)).body as { nextCursor: string };
    expect((await api.agent().get(`${recipients}?status=sent&cursor=${nextCursor}`)).body).toMatchObject({ code: 'invalid_cursor' });
    expect((await api.agent().get(`${recipients}?status=done`)).body).toMatchObject({ code: 'invalid_filter' });
    expect((await api.agent().get(`/v1/email-batches/${newJobId('batch', 'acme')}/recipients`)).status).toBe(404);
  });

  test.each([
    ['by Accept', recipients, { Accept: 'text/csv' }],
    ['by its name', `${recipients}.csv`, {}],
  ])('gives all outcomes as one CSV file, asked for %s, in which nothing is a formula', async (_how, path, headers) => {
    await aBatch();
    const response = await api.agent().get(path).set(headers);
    expect(response.headers['content-type']).toMatch(/^text\/csv/);
    expect(response.headers['content-disposition']).toBe(`attachment; filename="${id}-recipients.csv"`);
    const lines = response.text.trimEnd().split('\r\n');
    expect(lines).toHaveLength(251);
    expect(lines.slice(0, 2)).toEqual([
      'seq,to,status,code,response,messageId,at',
      '0,r0@example.com,sent,,250 OK,<0@example.org>,1970-01-01T00:00:00.000Z',
    ]);
    expect(lines[8]).toContain(",'=1+1,");
  });
});
