import { mkdtempSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';

import { keepMessage } from '../../../src/mail/caught-mail.ts';
import { createMailbox } from '../../../src/mail/mailbox.ts';
import { testApi } from '../../support/api.ts';

const directory = mkdtempSync(join(tmpdir(), 'handoff-dev-mail-'));
const api = testApi({ edges: { caughtMail: createMailbox(directory) } });
const lists = async () => readdir(directory);

beforeEach(async () => {
  for (const name of await lists()) await rm(join(directory, name));
});
afterAll(() => rm(directory, { recursive: true }));

async function kept(...lines: string[]): Promise<string> {
  const stream = Object.assign(Readable.from([Buffer.from(lines.join('\r\n'))]), { sizeExceeded: false });
  return (await keepMessage(directory, { from: 'shop@example.org', recipients: ['ada@example.com'], stream })).replace('.eml', '');
}

const attached = (...header: string[]) =>
  kept('Content-Type: multipart/mixed; boundary=b', '', '--b', ...header, 'Content-Disposition: attachment', '', 'bytes', '--b--', '');
const withHtml = (html: string) => kept('Content-Type: text/html', '', html);
const get = (path: string, headers: Record<string, string> = {}) => api.anonymous().get(path).set(headers);
const post = (path: string, headers: Record<string, string> = {}) => api.anonymous().post(path).set(headers);

describe('who may see caught mail', () => {
  test.each(['localhost', 'LOCALHOST:3000', '127.0.0.1', '127.9.9.9:80', '[::1]:3000'])('a browser that asks for %s', async (host) => {
    expect((await get('/dev/mail', { Host: host })).status).toBe(200);
  });

  test.each([
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost.evil.example:3000',
    'evil.example:127',
    '0.0.0.0',
    '192.0.2.7',
    '127.1',
    '[::2]',
    'a@localhost',
    '999.0.0.1',
  ])('nobody by a name that may lead here (DNS rebinding): %s', async (host) => {
    await kept('Subject: secret', '', '');
    const answer = await get('/dev/mail', { Host: host });
    expect([answer.status, answer.text.includes('secret')]).toEqual([404, false]);
  });

  test('nobody on another machine, and nobody through a proxy', async () => {
    expect((await get('/dev/mail', { 'X-Forwarded-For': '127.0.0.1' })).status).toBe(404);
    api.server.prependListener('request', ({ socket }: IncomingMessage) => {
      Object.defineProperty(socket, 'remoteAddress', { configurable: true, value: '192.0.2.7' });
    });
    expect((await get('/dev/mail')).status).toBe(404);
  });

  test("no other page's form deletes anything", async () => {
    const id = await kept('Subject: stays', '', '');
    for (const path of ['/dev/mail/delete', `/dev/mail/${id}/delete`])
      for (const from of [
        { 'Sec-Fetch-Site': 'cross-site' },
        { 'Sec-Fetch-Site': 'same-site' },
        { Origin: 'https://evil.example' },
        { Origin: 'null' },
      ])
        expect((await post(path, from as Record<string, string>)).status).toBe(404);
    expect((await get('/dev/mail/delete')).status).toBe(405);
    expect(await lists()).toHaveLength(1);
    expect((await post(`/dev/mail/${id}/delete`, { 'Sec-Fetch-Site': 'same-origin' })).get('Location')).toBe('/dev/mail');
    expect(await lists()).toEqual([]);
  });

  test('its own form, and a program without a browser, delete one or all', async () => {
    const ids = [await kept('', ''), await kept('', ''), await kept('', '')];
    expect((await post(`/dev/mail/${String(ids[0])}/delete`, { Origin: `http://127.0.0.1:${String(api.port)}` })).status).toBe(303);
    expect(await lists()).toHaveLength(2);
    expect((await post('/dev/mail/delete')).status).toBe(303);
    expect(await lists()).toEqual([]);
  });
});

describe('what a message brings', () => {
  const attack = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`;

  test.each(['html', 'text', 'attachments', 'headers', 'source', attack])('is text in every view, wherever it stands: %s', async (view) => {
    const encoded = `=?utf-8?B?${Buffer.from(attack).toString('base64')}?=`;
    const id = await kept(
      ...[`Subject: ${encoded}`, `From: ${encoded} <a@example.org>`, `To: ${encoded} <b@example.org>`, `Cc: ${encoded} <c@example.org>`],
      ...[
        `Reply-To: ${encoded} <d@example.org>`,
        `X-${attack.replace(/[ :]/g, '')}: ${attack}`,
        'Content-Type: multipart/mixed; boundary=b',
        '',
      ],
      ...[
        '--b',
        'Content-Type: text/plain',
        '',
        attack,
        '--b',
        'Content-Type: text/html',
        '',
        `<a href='https://x/"><script>alert(1)</script>'>x</a>${attack}`,
      ],
      ...[
        '--b',
        `Content-Type: image/png; name="${encoded}"`,
        `Content-ID: <${attack}>`,
        'Content-Disposition: attachment',
        '',
        attack,
        '--b--',
        '',
      ],
    );
    for (const path of [`/dev/mail/${id}?view=${encodeURIComponent(view)}`, '/dev/mail', `/dev/mail?q=${encodeURIComponent(attack)}`]) {
      const { text, status } = await get(path);
      expect(status).toBe(200);
      expect(text.replace('<script src="/dev/mail/live.js" defer></script>', '')).not.toMatch(/<script|<img/i);
      expect(text).not.toContain('alert(1)</');
    }
  });

  test('is never part of a page of ours: the HTML has an address of its own, where nothing runs and nothing is fetched', async () => {
    const id = await withHtml('<p>Hi</p><script>1</script>');
    const frame = await get(`/dev/mail/${id}/frame`);
    expect([frame.get('Content-Type'), frame.text.trim()]).toEqual(['text/html; charset=utf-8', '<p>Hi</p><script>1</script>']);
    expect(frame.get('Content-Security-Policy')?.split('; ')).toEqual([
      ...['sandbox', "default-src 'none'", "style-src 'unsafe-inline'", 'img-src data:', 'font-src data:'],
      ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'self'"],
    ]);
    const page = await get(`/dev/mail/${id}`);
    expect(page.text).toContain('<iframe sandbox=""');
    expect(page.get('Content-Security-Policy')).toContain("default-src 'none'; style-src 'self'; script-src 'self'");
    expect(page.get('Content-Security-Policy')).toContain("frame-src 'self'");
    expect([page.get('X-Content-Type-Options'), page.get('Cache-Control')]).toEqual(['nosniff', 'no-store']);
  });

  test('has its pictures in the HTML, and only those of its own', async () => {
    const id = await kept(
      ...['Content-Type: multipart/related; boundary=b', '', '--b', 'Content-Type: text/html', ''],
      ...[`<img src="cid:logo@x"><img src='CID:evil@x'><i style="background:url(cid:logo@x)">cid:logo@x</i><img src=cid:none>`],
      ...['--b', 'Content-Type: image/png', 'Content-ID: <logo@x>', '', 'ABC', '--b', 'Content-Type: text/html; name=a.html'],
      ...['Content-Disposition: attachment', 'Content-ID: <evil@x>', '', '<script>', '--b--', ''],
    );
    const picture = `data:image/png;base64,${Buffer.from('ABC\n').toString('base64')}`;
    expect((await get(`/dev/mail/${id}/frame`)).text.trim()).toBe(
      `<img src="${picture}"><img src='CID:evil@x'><i style="background:url(${picture})">cid:logo@x</i><img src=cid:none>`,
    );
  });

  test('reaches nobody by elements for which a browser connects before it asks the policy', async () => {
    const id = await withHtml(
      '<link rel=preconnect href=//evil.example><LINK/rel=prefetch href=//evil.example><linked><iFrame\nsrc=//evil.example>',
    );
    expect((await get(`/dev/mail/${id}/frame`)).text).not.toMatch(/<(?:link|iframe)[\s/>]/i);
  });

  test('shows where its links lead, if they lead to a page or an address', async () => {
    const id = await withHtml(
      `<a class=x href="https://example.org/?a=1&amp;b=2">1</a><a href='mailto:a@example.org'>2</a><a href=javascript:alert(1)>3</a><a href="data:text/html,x">4</a><a href="/v1/jobs">5</a>`,
    );
    const targets = [...(await get(`/dev/mail/${id}`)).text.matchAll(/<a href="([^"]+)" target="_blank" rel="noopener noreferrer">/g)].map(
      ([, to]) => to,
    );
    expect(targets).toEqual(['https://example.org/?a=1&amp;b=2', 'mailto:a@example.org']);
  });

  test('is shown within limits: a hundred thousand pictures and links, thousands of headers and attachments', async () => {
    const picture = 'A'.repeat(100_000);
    const id = await kept(
      ...[
        'Content-Type: multipart/mixed; boundary=b',
        ...Array.from({ length: 5_000 }, (_, n) => `X-${String(n)}: ${'y'.repeat(200)}`),
        '',
      ],
      ...['--b', 'Content-Type: text/html', '', '<img src="cid:p"><a href=https://example.org><a '.repeat(100_000)],
      ...['--b', 'Content-Type: image/png', 'Content-ID: <p>', '', picture, ''],
      ...Array.from({ length: 5_000 }, () => '--b\r\nContent-Type: image/png\r\nContent-Disposition: attachment\r\n\r\nx'),
      ...['--b--', ''],
    );
    expect((await get(`/dev/mail/${id}/frame`)).text.length).toBeLessThan(40_000_000);
    for (const view of ['html', 'attachments', 'headers', 'source'])
      expect((await get(`/dev/mail/${id}?view=${view}`)).text.length).toBeLessThan(1_000_000);
  });
});

describe('an attachment', () => {
  test.each([
    ['plain', 'invoice.pdf', 'attachment; filename=invoice.pdf'],
    ['a page', 'a.html', 'attachment; filename=a.html'],
    ['a path', '../../etc/passwd', 'attachment; filename=passwd'],
    ['another alphabet', 'Grüße.txt', 'attachment; filename="Gr??e.txt"; filename*=UTF-8\'\'Gr%C3%BC%C3%9Fe.txt'],
    ['a line break', 'a\r\nSet-Cookie: x=1\u2028.txt', 'attachment; filename="a__Set-Cookie: x=1_.txt"'],
    ['a name that is turned round', 'gpj.\u202eexe', 'attachment; filename=gpj._exe'],
  ])('is for the disk, whatever it is called: %s', async (_what, name, disposition) => {
    const id = await attached(`Content-Type: text/html; name="=?utf-8?B?${Buffer.from(name).toString('base64')}?="`);
    const answer = await get(`/dev/mail/${id}/attachments/0`)
      .buffer()
      .parse((stream, done) => {
        let all = '';
        stream.on('data', (chunk: Buffer) => (all += chunk.toString()));
        stream.on('end', () => {
          done(null, all);
        });
      });
    expect([answer.status, answer.body]).toEqual([200, 'bytes\n']);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': disposition,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
    });
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  test.each(['1', '-1', 'x', '0x0', '1e9', '__proto__', '00000000'])('number %s is not there', async (number) => {
    expect((await get(`/dev/mail/${await attached('Content-Type: image/png')}/attachments/${number}`)).status).toBe(404);
  });
});

test.each(['nothing', '..%2f..%2fetc%2fpasswd', '20261122T120000000Z-000000000000', '%00'])(
  'a message that is not there: %s',
  async (id) => {
    for (const path of ['', '/frame', '/source', '/attachments/0']) {
      const answer = await get(`/dev/mail/${id}${path}`);
      expect([answer.status, answer.type]).toEqual([404, 'text/html']);
    }
    expect(api.unexpected).toEqual([]);
  },
);

test('the log and the metrics know nothing of what is searched for, or of a message', async () => {
  await get('/dev/mail?q=ada@example.com');
  await get(`/dev/mail/${await kept('Subject: x', '', '')}/source`);
  expect(api.answers.map(({ path }) => path)).toEqual(['/dev/mail', '/dev/mail/…/source']);
});

test('pages follow each other in fifties', async () => {
  for (let number = 0; number < 51; number++) await kept(`Subject: Nr ${String(number)}`, '', '');
  const subjects = async (path: string) => [...(await get(path)).text.matchAll(/<bdi>Nr (\d+)/g)].map(([, number]) => Number(number));
  expect(await subjects('/dev/mail')).toHaveLength(50);
  expect((await get('/dev/mail?q=nr')).text).toContain('rel="next" href="/dev/mail?q=nr&amp;page=2"');
  expect((await get('/dev/mail?q=nr&page=2')).text).toContain('rel="prev"');
  expect(await subjects('/dev/mail?page=2')).toHaveLength(1);
  for (const page of ['0', '-1', 'x', '1e99', 'NaN']) expect((await get(`/dev/mail?page=${page}`)).status).toBe(200);
});
