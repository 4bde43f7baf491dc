import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { type ClientRequest, request } from 'node:http';
import { join } from 'node:path';
import sharp from 'sharp';

import { eventually } from '../support/eventually.ts';
import { filesBelow } from '../support/files-below.ts';
import { type HoldingClamd, startHoldingClamd } from '../support/holding-clamd.ts';
import { reply, startMailServer } from '../support/mail-server.ts';
import { ended, Product } from '../support/product.ts';
import { tusUpload } from '../support/tus.ts';

const minutes = 60_000;

/** Every stored blob is named after its content: a half-written one would not be. */
async function expectWholeBlobs(dataDir: string): Promise<void> {
  const blobs = join(dataDir, 'files', 'blobs');
  const names = await filesBelow(blobs);
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) expect(sha256(await readFile(join(blobs, name)))).toBe(name.replaceAll('/', ''));
}

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

describe('kill -9 of api, worker and Temporal at once', () => {
  let mailServer: Awaited<ReturnType<typeof startMailServer>>;
  let product: Product;
  let clamd: HoldingClamd;
  let refusing = true;

  beforeAll(async () => {
    clamd = await startHoldingClamd('held');
    mailServer = await startMailServer({
      onRcptTo: (_address, _session, callback) => {
        callback(refusing ? reply(451, '4.3.0 no memory left') : null);
      },
    });
    product = await Product.create({ SMTP_URL: `smtp://127.0.0.1:${String(mailServer.port)}`, HANDOFF_CLAMD_URL: clamd.url });
    await product.start();
  }, 5 * minutes);
  afterAll(async () => {
    await product.destroy();
    await mailServer.close();
    await clamd.close();
  }, 2 * minutes);

  test(
    'a retrying e-mail, a half-written report, uploads in progress, half sent and being scanned all complete after the next start',
    async () => {
      // Enough rows and pixels to be in the middle of it when the blow falls.
      const rows = 400_000;
      const csv = `id,name,sum\r\n${Array.from({ length: rows }, (_unused, i) => `${String(i)},"name, ${String(i)}",${String(i % 97)}`).join('\r\n')}\r\n`;
      const form = new FormData();
      form.set('file', new Blob([csv], { type: 'text/csv' }), 'rows.csv');
      const source = await product.job(await product.submit('/v1/uploads', form), ended);
      expect(source).toMatchObject({ status: 'completed', result: { image: null, variants: [] } });

      const noise = await sharp({
        create: { width: 5000, height: 4000, channels: 3, background: '#888', noise: { type: 'gaussian', mean: 128, sigma: 40 } },
      })
        .jpeg()
        .toBuffer();
      const picture = new FormData();
      picture.set('file', new Blob([new Uint8Array(noise)], { type: 'image/jpeg' }), 'noise.jpg');
      const variants = [1600, 2400, 3200].map((width) => ({ name: `w${String(width)}`, width, format: 'avif' }));
      picture.set('request', JSON.stringify({ variants }));

      const email = await product.submit('/v1/emails', { to: ['ada@example.com', 'bob@example.com'], subject: 'Hi', text: 'Hi' });
      const upload = await product.submit('/v1/uploads', picture);
      const held = new FormData();
      held.set('file', new Blob(['held by the scanner']), 'held.txt');
      const scanned = await product.submit('/v1/uploads', held);
      const report = await product.submit('/v1/reports', {
        title: 'All rows',
        source: { fileId: source.result.file.id },
        outputs: [{ format: 'xlsx' }, { format: 'csv' }],
      });
      await product.job(email, (job) => job.status === 'retrying' && job.attempt > 1 && String(job.error?.detail).includes('451'));
      await product.job(upload, (job) => job.status === 'running' && job.progress?.unit === 'variants');
      await product.job(report, (job) => job.status === 'running' && job.progress?.unit === 'rows' && Number(job.progress.done) > 0);

      const large = randomBytes(20_000_000);
      const { path, hanging } = await halfSent(product, large);
      await product.job(scanned, (job) => job.status === 'running' && job.progress?.stage === 'scanning for viruses');

      await product.killAll();
      hanging.destroy();
      await expectWholeBlobs(product.dataDir);
      refusing = false;
      clamd.holding = false;
      await product.start();

      const head = await product.request('HEAD', path, undefined, { 'Tus-Resumable': '1.0.0' });
      expect(Number(head.headers.get('Upload-Offset'))).toBeGreaterThanOrEqual(8_000_000);
      const sent = await tusUpload(product.ports.http, large, {
        uploadUrl: `${product.url}${path}`,
        headers: { Authorization: `Bearer ${product.key}` },
      });
      expect(await product.job(sent.job?.split('/').at(-1) ?? '', ended)).toMatchObject({
        status: 'completed',
        result: { file: { sha256: sha256(large) } },
      });

      const finished = await product.job(report, ended, 10 * minutes);
      expect(finished).toMatchObject({ status: 'completed', result: { rows } });
      const written = finished.result.files.find((file: { format: string }) => file.format === 'csv');
      const bytes = await product.bytes(written.links.content);
      expect(sha256(bytes)).toBe(sha256(csv));
      expect(written.sha256).toBe(sha256(csv));
      await expectWholeBlobs(product.dataDir);

      const checks = [{ name: 'virus', outcome: 'passed' }];
      expect(await product.job(scanned, ended, 10 * minutes)).toMatchObject({ status: 'completed', result: { checks } });
      const processed = await product.job(upload, ended, 10 * minutes);
      expect(processed.status).toBe('completed');
      for (const variant of processed.result.variants)
        expect((await sharp(await product.bytes(variant.file.links.content)).metadata()).width).toBe(variant.width);

      expect(await product.job(email, ended, 5 * minutes)).toMatchObject({
        status: 'completed',
        result: { messages: [{ status: 'sent' }, { status: 'sent' }] },
      });
      expect(new Set(mailServer.received.flatMap((mail) => mail.recipients))).toEqual(new Set(['ada@example.com', 'bob@example.com']));
    },
    20 * minutes,
  );

  test(
    'a report whose rows are extracted goes on with its output, and its query is not run again',
    async () => {
      const rows = 600_000;
      const report = await product.submit('/v1/reports', {
        title: 'Drawn',
        source: { rows: [{ least: 1 }] },
        query: {
          sql: `select range + least as n, random() as drawn, md5(range::varchar) as text from rows, range(${String(rows)}) order by n`,
        },
        outputs: [{ format: 'csv' }, { format: 'json' }],
      });
      const past = (job: { status: string; progress: { unit: string; done: number } | null }) =>
        job.progress?.unit === 'rows' && job.progress.done >= 0.6 * rows && job.progress.done < rows;
      const before = await product.job(report, (job) => past(job) || ended(job));
      expect(before).toMatchObject({ status: 'running' });
      await product.killAll();
      await product.start();
      const finished = await product.job(report, ended, 10 * minutes);
      expect(finished).toMatchObject({ status: 'completed', result: { rows } });

      const events = (await historyOf(product.temporalAddress, report)).events ?? [];
      const scheduled = events.flatMap(({ activityTaskScheduledEventAttributes: facts }) => facts?.activityType?.name ?? []);
      expect(scheduled.sort()).toEqual(['extractRows', 'renderReport', 'renderReport']);
      const names = new Map(events.map((event) => [String(event.eventId), event.activityTaskScheduledEventAttributes?.activityType?.name]));
      const attempts = events.flatMap(({ activityTaskStartedEventAttributes: facts }) =>
        facts ? [[names.get(String(facts.scheduledEventId)), facts.attempt] as const] : [],
      );
      expect(attempts.filter(([name]) => name === 'extractRows')).toEqual([['extractRows', 1]]);
      expect(Math.max(...attempts.map(([, attempt]) => Number(attempt)))).toBeGreaterThan(1);

      // What was drawn is the same in both, of which one was written after the blow.
      const bytes = async (format: string) =>
        (await product.bytes(finished.result.files.find((file: { format: string }) => file.format === format).links.content)).toString();
      const lines = (await bytes('csv')).trimEnd().split('\r\n').slice(1);
      const objects = JSON.parse(await bytes('json')) as { n: number; drawn: number; text: string }[];
      expect(lines).toHaveLength(rows);
      expect(
        objects.map(({ n, drawn, text }) => `${String(n)},${String(drawn)},${text}`).every((line, index) => line === lines[index]),
      ).toBe(true);
      await expectWholeBlobs(product.dataDir);
    },
    20 * minutes,
  );
});

/** Eight megabytes of it are confirmed, and some more are on their way. */
async function halfSent(product: Product, bytes: Buffer): Promise<{ path: string; hanging: ClientRequest }> {
  const tus = { 'Tus-Resumable': '1.0.0' };
  const begun = await product.request('POST', '/v1/uploads/tus', undefined, { ...tus, 'Upload-Length': String(bytes.length) });
  const path = begun.headers.get('Location') ?? '';
  const send = (from: number) => {
    const headers = {
      ...tus,
      'Upload-Offset': from,
      'Content-Type': 'application/offset+octet-stream',
      Authorization: `Bearer ${product.key}`,
    };
    return request(new URL(path, product.url), { method: 'PATCH', headers }).on('error', () => undefined);
  };
  const first = send(0);
  first.end(bytes.subarray(0, 8_000_000));
  const [{ statusCode }] = (await once(first, 'response')) as [{ statusCode: number }];
  expect(statusCode).toBe(204);
  const hanging = send(8_000_000);
  hanging.write(bytes.subarray(8_000_000, 12_000_000));
  const kept = async () => (await filesBelow(join(product.dataDir, 'tus'))).filter((name) => name.endsWith('.bytes'));
  await eventually(async () => {
    const [name = ''] = await kept();
    expect((await stat(join(product.dataDir, 'tus', name))).size).toBeGreaterThan(8_000_000);
  });
  return { path, hanging };
}

async function historyOf(address: string, workflowId: string) {
  const connection = await Connection.connect({ address });
  try {
    return await new Client({ connection }).workflow.getHandle(workflowId).fetchHistory();
  } finally {
    await connection.close();
  }
}
