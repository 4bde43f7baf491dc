import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Browser, type BrowserContextOptions, chromium, type Page, type Route } from 'playwright-core';

import { findChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { pageFaults } from '../support/page-faults.ts';
import { ended, Product } from '../support/product.ts';

const found = await findChromium();
const what = 'skipped' in found ? `uploads in a browser (skipped: ${found.skipped})` : 'uploads in a browser';
const minutes = 60_000;
const mebibyte = 1024 * 1024;

/** @returns the path of a script with Uppy and its plug-in for tus. */
async function uppyBundle(directory: string): Promise<string> {
  await promisify(execFile)(process.execPath, ['test/support/uppy-bundle.mjs', directory]);
  return join(directory, 'uppy.js');
}

(('skipped' in found ? describe.skip : describe) as typeof describe)(what, () => {
  let product: Product;
  let browser: Browser;
  let directory: string;

  beforeAll(async () => {
    if ('skipped' in found) return;
    directory = await mkdtemp(join(tmpdir(), 'handoff-page-'));
    product = await Product.create();
    await product.start();
    browser = await chromium.launch({ executablePath: found.executablePath, args: ['--no-sandbox'] });
  }, 5 * minutes);
  afterAll(async () => {
    await browser.close();
    await product.destroy();
    await rm(directory, { recursive: true });
  }, 2 * minutes);

  async function opened(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(minutes);
    const page = await context.newPage();
    await page.goto(`${product.url}/dev/upload#key=${product.key}`);
    return page;
  }

  const uploads = (page: Page) => page.getByRole('list', { name: 'Uploads' }).locator('> li');
  const status = (page: Page) => uploads(page).first().getByRole('status');

  test(
    'a file that is dropped is sent, and its variants are seen',
    async () => {
      const page = await opened();
      expect(page.url()).toBe(`${product.url}/dev/upload`);
      await page.locator('#files').setInputFiles('examples/photo.jpg');
      const pictures = uploads(page).first().locator('figure');
      await expect(pictures.nth(1).locator('figcaption').innerText()).resolves.toContain('wide 1200 × 800 jpeg');
      await eventually(async () => {
        const drawn = await pictures
          .locator('img')
          .evaluateAll((all) => all.map((one) => (one as unknown as { naturalWidth: number }).naturalWidth));
        expect(drawn).toEqual([240, 1200]);
        expect(await status(page).innerText()).toMatch(/^completed upload_/);
      });
      expect(await pageFaults(page)).toEqual([]);
      await page.context().close();
    },
    2 * minutes,
  );

  test(
    'an upload is paused, goes on where it stopped when the page has been loaded anew, and is whole in the end',
    async () => {
      const page = await opened();
      const file = join(directory, 'film.bin');
      await writeFile(file, Buffer.alloc(20 * mebibyte, 'film'));
      const offsets: number[] = [];
      page.on('request', (request) => {
        if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']));
      });
      // What comes after the first piece does not arrive until the page is told to pause.
      const hold = (route: Route) => (Number(route.request().headers()['upload-offset'] ?? 0) > 0 ? undefined : route.continue());
      await page.route('**/v1/uploads/tus/*', hold);
      await page.locator('#files').setInputFiles(file);
      await eventually(() => {
        expect(offsets).toEqual([0, 8 * mebibyte]);
      });
      await page.getByRole('button', { name: 'Pause' }).click();
      await page.getByText('Paused at').waitFor();
      await page.unroute('**/v1/uploads/tus/*', hold);

      await page.reload();
      await page.locator('#files').setInputFiles(file);
      await eventually(async () => {
        expect(await status(page).innerText()).toMatch(/^completed upload_/);
      });
      expect(offsets).toEqual([0, 8 * mebibyte, 8 * mebibyte, 16 * mebibyte]);
      const id = (await status(page).getByRole('link').innerText()).trim();
      expect((await product.job(id, ended)).result.file).toMatchObject({ name: 'film.bin', size: 20 * mebibyte });
      await page.context().close();
    },
    3 * minutes,
  );

  test(
    'says why a file is refused, and asks for a key',
    async () => {
      const page = await opened();
      await page.getByText('Key and request').click();
      await page.getByLabel('Request').fill('{"preset":"nobody"}');
      await page.locator('#files').setInputFiles('examples/photo.jpg');
      await page.getByText('(preset_not_found)').waitFor();
      await page.getByLabel('Request').fill('{');
      await page.locator('#files').setInputFiles('examples/photo.jpg');
      await page.getByText('Not valid JSON').waitFor();
      expect(await uploads(page).count()).toBe(1);
      await page.getByLabel('API key').fill('hk_of-nobody');
      await page.getByLabel('Request').fill('{}');
      await page.locator('#files').setInputFiles('examples/photo.jpg');
      await page.getByText('(unauthorized)').waitFor();
      await page.context().close();
    },
    2 * minutes,
  );

  test(
    'Uppy sends through its plug-in for tus',
    async () => {
      const page = await opened({ bypassCSP: true });
      await page.addScriptTag({ path: await uppyBundle(directory) });
      const job = await page.evaluate(
        ([endpoint, key]) =>
          new Promise<string>((resolve, reject) => {
            // eslint-disable-next-line @typescript-eslint/no-explicit-any -- of the bundle, in the page
            const { Uppy, Tus } = globalThis as any;
            const options = { endpoint, chunkSize: 262_144, headers: { Authorization: `Bearer ${String(key)}` } };
            const uppy = new Uppy().use(Tus, options);
            uppy.on('upload-success', (_: unknown, { body }: { body: { xhr: { getResponseHeader: (name: string) => string } } }) => {
              resolve(body.xhr.getResponseHeader('Handoff-Job'));
            });
            uppy.on('upload-error', (_: unknown, error: Error) => {
              reject(error);
            });
            uppy.addFile({ name: 'uppy.txt', type: 'text/plain', data: new Blob(['x'.repeat(1_000_000)], { type: 'text/plain' }) });
            uppy.upload().catch(reject);
          }),
        [`${product.url}/v1/uploads/tus`, product.key],
      );
      const id = job.split('/').at(-1) ?? '';
      expect((await product.job(id, ended)).result.file).toMatchObject({ name: 'uppy.txt', size: 1_000_000, contentType: 'text/plain' });
      await page.context().close();
    },
    2 * minutes,
  );
});
