import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';

import { filesBelow } from '../support/files-below.ts';
import { reply, startMailServer } from '../support/mail-server.ts';
import { ended, Product } from '../support/product.ts';

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
  let refusing = true;

  beforeAll(async () => {
    mailServer = await startMailServer({
      onRcptTo: (_address, _session, callback) => {
        callback(refusing ? reply(451, '4.3.0 no memory left') : null);
      },
    });
    product = await Product.create({ SMTP_URL: `smtp://127.0.0.1:${String(mailServer.port)}` });
    await product.start();
  }, 5 * minutes);
  afterAll(async () => {
    await product.destroy();
    await mailServer.close();
  }, 2 * minutes);

  test(
    'a retrying e-mail, a half-written report and an upload in progress all complete after the next start',
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
      const report = await product.submit('/v1/reports', {
        title: 'All rows',
        source: { fileId: source.result.file.id },
        outputs: [{ format: 'xlsx' }, { format: 'csv' }],
      });
      await product.job(email, (job) => job.status === 'retrying' && job.attempt > 1 && String(job.error?.detail).includes('451'));
      await product.job(upload, (job) => job.status === 'running' && job.progress?.unit === 'variants');
      await product.job(report, (job) => job.status === 'running' && job.progress?.unit === 'rows' && Number(job.progress.done) > 0);

      await product.killAll();
      await expectWholeBlobs(product.dataDir);
      refusing = false;
      await product.start();

      const finished = await product.job(report, ended, 10 * minutes);
      expect(finished).toMatchObject({ status: 'completed', result: { rows } });
      const written = finished.result.files.find((file: { format: string }) => file.format === 'csv');
      const bytes = await product.bytes(written.links.content);
      expect(sha256(bytes)).toBe(sha256(csv));
      expect(written.sha256).toBe(sha256(csv));
      await expectWholeBlobs(product.dataDir);

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
});
