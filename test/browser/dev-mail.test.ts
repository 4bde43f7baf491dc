import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

import { testApi } from '../support/api.ts';
import { caughtMail } from '../support/caught.ts';
import { findChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { pageFaults } from '../support/page-faults.ts';

const found = await findChromium();
const what = 'skipped' in found ? `caught mail in a browser (skipped: ${found.skipped})` : 'caught mail in a browser';

(('skipped' in found ? describe.skip : describe) as typeof describe)(what, () => {
  const caught = caughtMail();
  const api = testApi({ edges: { caughtMail: caught.mailbox } });
  let browser: Browser;
  let page: Page;
  /** What came to a server on this machine that nobody should ask. */
  const visits: string[] = [];
  const canary = createServer((request, response) => {
    visits.push(String(request.url));
    response.end();
  }).on('connection', () => visits.push('connection'));

  beforeAll(async () => {
    if ('skipped' in found) return;
    // A name of somebody else's that leads here, as DNS rebinding has it.
    const args = ['--host-resolver-rules=MAP evil.example 127.0.0.1', '--no-sandbox'];
    browser = await chromium.launch({ executablePath: found.executablePath, args });
    await once(canary.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(async () => {
    await browser.close();
    canary.close();
    canary.closeAllConnections();
  });
  const newPage = async (options: BrowserContextOptions = {}): Promise<Page> => {
    const context = await browser.newContext({ baseURL: `http://127.0.0.1:${String(api.port)}`, ...options });
    return context.newPage();
  };
  beforeEach(async () => {
    visits.length = 0;
    page = await newPage();
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });

  const canaryUrl = (path: string) => `http://127.0.0.1:${String((canary.address() as AddressInfo).port)}/${path}`;
  const subjects = () => page.locator('#messages li > a').allInnerTexts();
  const frame = () => page.frameLocator('iframe');
  /** Whatever the browser was going to do, it has had the time for: a page, and all that is in it, has been loaded since. */
  const settle = async () => {
    const other = await newPage();
    await other.goto('/dev/mail', { waitUntil: 'networkidle' });
  };

  test('what was sent by SMTP is in the list, newest first, and opens', async () => {
    await caught.send({ subject: 'First' });
    await caught.send({ subject: 'Grüße', text: 'Hi Ada', to: ['ada@example.com', 'bob@example.com'] });
    await page.goto('/dev/mail');
    expect(await subjects()).toEqual(['Grüße', 'First']);
    expect(await page.locator('#messages li').first().innerText()).toContain('ada@example.com and 1 more');
    await page.getByRole('link', { name: 'Grüße' }).click();
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Grüße');
    expect(await page.getByRole('region', { name: 'Text' }).first().innerText()).toContain('Hi Ada');
  });

  test('a new message appears without a reload, and the keyboard stays where it was', async () => {
    await caught.send({ subject: 'First' });
    await page.goto('/dev/mail');
    await page.getByRole('link', { name: 'First' }).focus();
    await caught.send({ subject: 'Second' });
    await eventually(async () => {
      expect(await subjects()).toEqual(['Second', 'First']);
    });
    expect(await page.locator(':focus').innerText()).toBe('First');
    expect(await page.getByRole('status').innerText()).toBe('2 messages');
  });

  test('finds by subject, sender and recipient', async () => {
    await caught.send({ subject: 'Order 17' });
    await caught.send({ subject: 'Order 18', to: 'grace@example.com' });
    await page.goto('/dev/mail');
    await page.getByRole('searchbox').fill('grace order');
    await page.getByRole('searchbox').press('Enter');
    await eventually(async () => {
      expect(await subjects()).toEqual(['Order 18']);
    });
  });

  test('HTML is rendered with its pictures, at the width of a phone, too', async () => {
    const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
    const id = await caught.send({
      html: '<h1 style="color: rgb(1, 2, 3)">On its way</h1><img alt="Logo" src="cid:logo@x">',
      attachments: [{ filename: 'logo.png', content: png, cid: 'logo@x' }],
    });
    await page.goto(`/dev/mail/${id}`);
    await frame().getByRole('heading', { name: 'On its way' }).waitFor();
    const inFrame = (expression: string) => page.frames()[1]?.evaluate<unknown>(expression);
    expect(await inFrame(`getComputedStyle(document.querySelector('h1')).color`)).toBe('rgb(1, 2, 3)');
    expect(await inFrame(`document.images[0].decode().then(() => document.images[0].naturalWidth)`)).toBe(1);
    await page.getByLabel('375 px').check();
    expect((await page.locator('iframe').boundingBox())?.width).toBe(375);
  });

  test('nothing in a message runs, and nothing is fetched for it', async () => {
    const [picture, host] = [canaryUrl('picture'), canaryUrl('')];
    const id = await caught.send({
      html: `<html><head><link rel="preconnect" href="${host}"><link/rel="prefetch" href="${canaryUrl('prefetch')}"><link rel=stylesheet href="${canaryUrl('css')}">
        <meta http-equiv="refresh" content="0;url=${canaryUrl('refresh')}"><base href="${host}"><style>@import url(${canaryUrl('import')}); p { background: url(${picture}) }
        @font-face { font-family: f; src: url(${canaryUrl('font')}) } p { font-family: f }</style></head><body background="${picture}">
        <p id="shown">Hello</p><img src="${picture}" onerror="document.getElementById('shown').textContent = 'ran'" srcset="${picture} 2x">
        <script>document.getElementById('shown').textContent = 'ran'</script><script src="${canaryUrl('script')}"></script>
        <iframe src="${canaryUrl('frame')}"></iframe><iframe srcdoc="<script>top.location = '${canaryUrl('srcdoc')}'</script>"></iframe>
        <object data="${canaryUrl('object')}"></object><embed src="${canaryUrl('embed')}"><video src="${picture}" poster="${picture}" autoplay></video>
        <svg onload="document.getElementById('shown').textContent = 'ran'"><image href="${picture}"/><use href="${canaryUrl('use')}#x"/></svg>
        <input type="image" src="${picture}" autofocus onfocus="document.getElementById('shown').textContent = 'ran'"></body></html>`,
    });
    for (const path of [`/dev/mail/${id}`, `/dev/mail/${id}/frame`]) {
      await page.goto(path, { waitUntil: 'networkidle' });
      const shown = path.endsWith('frame') ? page.locator('#shown') : frame().locator('#shown');
      expect(await shown.innerText()).toBe('Hello');
      expect(page.url()).toContain(path);
    }
    await settle();
    expect(visits).toEqual([]);
    // The canary works.
    await page.goto(canaryUrl('seen'));
    expect(visits).toContain('/seen');
  });

  test('no link and no form in a message leads this page away, or deletes anything', async () => {
    const id = await caught.send({
      html: `${['_top', '_parent', '_self', '_blank'].map((target) => `<a target="${target}" href="${canaryUrl(target)}">${target}</a>`).join(' ')}
        <form target="_top" action="${canaryUrl('form')}"><button>form</button></form>
        <form method="post" target="_top" action="http://127.0.0.1:${String(api.port)}/dev/mail/delete"><button>delete</button></form>`,
    });
    for (const name of ['_top', '_parent', '_self', '_blank', 'form', 'delete']) {
      await page.goto(`/dev/mail/${id}`);
      await frame().getByText(name, { exact: true }).click();
      await settle();
      expect(page.url()).toMatch(new RegExp(`/dev/mail/${id}$`));
      expect(
        page
          .context()
          .pages()
          .filter((open) => open.url().includes(canaryUrl(''))),
      ).toEqual([]);
    }
    // Chromium connects to where somebody clicks; asked for is nothing.
    expect(visits.filter((visit) => visit !== 'connection')).toEqual([]);
    expect(await caught.names()).toHaveLength(1);
  });

  test('text, headers, source and attachments each have a view, and files are downloaded', async () => {
    const id = await caught.send({
      subject: 'Parts',
      text: 'The text',
      html: '<p>The HTML</p>',
      attachments: [{ filename: 'page.html', content: '<script>document.title = "ran"</script>', contentType: 'text/html' }],
    });
    await page.goto(`/dev/mail/${id}`);
    for (const [tab, shown] of [
      ['Text', 'The text'],
      ['Headers', 'Return-Path'],
      ['Source', 'Delivered-To: ada@example.com'],
    ] as const) {
      await page.getByRole('link', { name: tab }).click();
      await page.locator('.tabs a[aria-current]', { hasText: tab }).waitFor();
      expect(await page.locator('.view').innerText()).toContain(shown);
    }
    await page.getByRole('link', { name: 'Attachments 1' }).click();
    const started = page.waitForEvent('download');
    await page.getByRole('link', { name: 'page.html' }).click();
    expect((await started).suggestedFilename()).toBe('page.html');
    // Opened by its address, it is a download as well.
    await expect(page.goto(`/dev/mail/${id}/attachments/0`)).rejects.toThrow('Download is starting');
  });

  test('markup in subject, names, addresses and file names is text', async () => {
    const attack = `"><img src=x onerror="document.title='ran'"><script>document.title='ran'</script>`;
    const id = await caught.send({
      ...{ subject: attack, from: { name: attack, address: 'shop@example.org' }, to: { name: attack, address: 'ada@example.com' } },
      ...{ replyTo: { name: attack, address: 'a@example.org' }, text: attack, headers: { 'X-Attack': attack } },
      attachments: [{ filename: attack, content: 'x', contentType: 'image/png' }],
    });
    const said: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    for (const path of [
      '',
      `?q=${encodeURIComponent(attack)}`,
      ...['text', 'attachments', 'headers', 'source'].map((view) => `/${id}?view=${view}`),
    ]) {
      await page.goto(`/dev/mail${path}`, { waitUntil: 'load' });
      expect(await page.locator('img').count()).toBe(0);
      expect(await page.title()).not.toBe('ran');
    }
    await page.goto('/dev/mail');
    expect(await subjects()).toEqual([attack]);
    // Where the policy has to step in, escaping has failed.
    expect(said).toEqual([]);
  });

  test('can be read and used with the keyboard alone', async () => {
    await caught.send({ subject: 'Only one', text: 'Hi' });
    await page.goto('/dev/mail');
    const reached: string[] = [];
    for (let presses = 0; presses < 12 && reached.at(-1) !== 'Only one'; presses++) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate<string>('document.activeElement.innerText || document.activeElement.id'));
    }
    expect(reached).toEqual(['Handoff caught mail', 'q', 'Search', 'Delete all', 'Only one']);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Delete' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('No mail yet').waitFor();
    expect(await caught.names()).toEqual([]);
  });

  test.each([
    ['on a screen, light', { viewport: { width: 1200, height: 800 }, colorScheme: 'light' }],
    ['on a phone of 360 px, dark', { viewport: { width: 360, height: 740 }, colorScheme: 'dark' }],
  ] as const)('has no gross fault of accessibility %s', async (_where, options) => {
    const long = 'x'.repeat(300);
    const id = await caught.send({
      subject: long,
      text: long,
      html: `<a href="https://example.org/${long}">${long}</a>`,
      attachments: [{ filename: `${long}.txt`, content: 'x' }],
    });
    page = await newPage(options);
    const paths = [
      '/dev/mail',
      '/dev/mail?q=none',
      ...['html', 'text', 'attachments', 'headers', 'source'].map((view) => `/dev/mail/${id}?view=${view}`),
      '/dev/mail/none',
    ];
    for (const path of paths) {
      await page.goto(path);
      expect([path, await pageFaults(page)]).toEqual([path, []]);
    }
  });

  test('works without script: it looks for new mail by itself, and deletes all after a second click', async () => {
    page = await newPage({ javaScriptEnabled: false });
    await caught.send({ subject: 'First', html: '<p>Hi</p>' });
    await page.goto('/dev/mail');
    expect(await page.locator('noscript').innerHTML()).toContain('http-equiv="refresh"');
    await page.getByRole('link', { name: 'First' }).click();
    expect(await frame().locator('p').innerText()).toBe('Hi');
    await page.getByRole('link', { name: 'Handoff caught mail' }).click();
    await page.getByText('Delete all', { exact: true }).click();
    await page.getByRole('button', { name: 'Delete all messages, for good' }).click();
    await page.getByText('No mail yet').waitFor();
  });

  test('a page of somebody else neither reads nor deletes mail, not even under a name that leads here', async () => {
    const id = await caught.send({ subject: 'Secret', text: 'Secret' });
    const here = `127.0.0.1:${String(api.port)}`;
    const [, port = ''] = here.split(':');
    expect((await page.goto(`http://evil.example:${port}/dev/mail`))?.status()).toBe(404);
    for (const path of ['/dev/mail/delete', `/dev/mail/${id}/delete`]) {
      page = await newPage();
      await page.route('http://evil.example/', (route) => route.fulfill({ contentType: 'text/html', body: '<p>evil</p>' }));
      await page.goto('http://evil.example/');
      await page.setContent(`<form method="post" action="http://${here}${path}"><button>go</button></form>`);
      const answered = page.waitForResponse((response) => response.url().endsWith('delete'));
      await page.getByRole('button').click();
      expect((await answered).status()).toBe(404);
      await page.waitForLoadState();
      expect(await caught.names()).toHaveLength(1);
    }
    await page.goto('http://evil.example/');
    expect(await page.evaluate(`fetch('http://${here}/dev/mail').then((answer) => answer.text(), () => 'refused')`)).toBe('refused');
    await page.setContent(`<iframe src="http://${here}/dev/mail"></iframe>`);
    expect(await page.frameLocator('iframe').getByText('Secret').count()).toBe(0);
  });
});
