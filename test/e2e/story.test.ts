import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import exceljs from 'exceljs';
import PostalMime from 'postal-mime';
import sharp from 'sharp';

import { findTemporalCli } from '../../scripts/temporal-cli.mjs';
import { eventually } from '../support/eventually.ts';
import { filesBelow } from '../support/files-below.ts';
import { audience, type IdentityProvider, signed, signingKey, startIdentityProvider } from '../support/identity-provider.ts';
import { ended, isAlive, Product } from '../support/product.ts';

const run = promisify(execFile);
const minutes = 60_000;

const photo = async () => new Blob([new Uint8Array(await readFile('examples/photo.jpg'))], { type: 'image/jpeg' });
const personal = 'ada.lovelace@example.com';

describe('the product with its own mail catcher', () => {
  let product: Product;
  let emailId: string;
  let provider: IdentityProvider;
  const signer = signingKey('one');

  beforeAll(async () => {
    provider = await startIdentityProvider([signer]);
    product = await Product.create({ HANDOFF_OIDC_ISSUER: provider.issuer, HANDOFF_OIDC_AUDIENCE: audience });
    await product.start();
  }, 5 * minutes);
  afterAll(async () => {
    await product.destroy();
    await provider.close();
  }, 2 * minutes);

  test('prints the addresses, the key and one request for each job type', () => {
    for (const part of [
      `${product.url}/v1`,
      `${product.url}/docs`,
      `${product.url}/dev/mail`,
      `http://127.0.0.1:${String(product.ports.ui)}`,
      product.key,
    ])
      expect(product.printed).toContain(part);
    for (const path of ['/emails', '/reports', '/uploads']) expect(product.printed).toMatch(new RegExp(`curl .*${path}`));
  });

  test(
    'an e-mail job ends with the message in the catcher',
    async () => {
      emailId = await product.submit('/v1/emails', { to: [personal], subject: 'Grüße', text: 'Hi', html: '<p>Hi</p>' });
      const job = await product.job(emailId, ended);
      expect(job).toMatchObject({
        status: 'completed',
        attempt: 1,
        error: null,
        result: { messages: [{ recipient: personal, status: 'sent' }] },
      });
      const names = await readdir(join(product.dataDir, 'mail'));
      const mails = await Promise.all(names.map(async (name) => PostalMime.parse(await readFile(join(product.dataDir, 'mail', name)))));
      expect(mails).toEqual([
        expect.objectContaining({ subject: 'Grüße', text: expect.stringContaining('Hi'), messageId: job.result.messages[0].messageId }),
      ]);
      expect((await product.request('GET', '/dev/mail')).body).toContain('Grüße');
    },
    4 * minutes,
  );

  test('takes access tokens of the configured identity provider beside API keys, for the tenant that they name', async () => {
    const as = (tenant: string) => ({ Authorization: `Bearer ${signed(signer, provider.claims({ tenant }))}` });
    const path = `/v1/jobs/${emailId}`;
    expect((await product.request('GET', path, undefined, as('default'))).status).toBe(200);
    expect((await product.request('GET', path, undefined, as('other'))).status).toBe(404);
    expect(provider.hits).toEqual(['/.well-known/openid-configuration', '/keys']);
  });

  test(
    'a report job ends with a CSV and an XLSX file that hold the rows',
    async () => {
      const rows = [
        { city: 'Oslo', sum: 12.5 },
        { city: 'Łódź, "old"', sum: -3 },
      ];
      const id = await product.submit('/v1/reports', {
        title: 'Sales',
        source: { rows },
        outputs: [{ format: 'csv' }, { format: 'xlsx' }],
      });
      const job = await product.job(id, ended);
      expect(job).toMatchObject({ status: 'completed', result: { rows: 2, files: [{ name: 'Sales.csv' }, { name: 'Sales.xlsx' }] } });
      const [csv, xlsx] = job.result.files;
      expect((await product.bytes(csv.links.content)).toString()).toBe('city,sum\r\nOslo,12.5\r\n"Łódź, ""old""",-3\r\n');
      const book = new exceljs.Workbook();
      await book.xlsx.load((await product.bytes(xlsx.links.content)) as unknown as exceljs.Buffer);
      expect(book.worksheets[0]?.getRow(3).values).toEqual([undefined, 'Łódź, "old"', -3]);
      expect((await product.request('GET', csv.links.self)).body).toMatchObject({ id: csv.id, sha256: csv.sha256, size: csv.size });
    },
    4 * minutes,
  );

  test(
    'an upload job ends with three variants of the picture, and keeps the original byte for byte',
    async () => {
      const form = new FormData();
      form.set('file', await photo(), 'photo.jpg');
      const job = await product.job(await product.submit('/v1/uploads', form), ended);
      expect(job).toMatchObject({ status: 'completed', result: { image: { format: 'jpeg', width: 2400, height: 1600 } } });
      expect(job.result.variants.map((variant: { width: number }) => variant.width)).toEqual([160, 640, 1600]);
      for (const variant of job.result.variants) {
        const { width, height, format } = await sharp(await product.bytes(variant.file.links.content)).metadata();
        expect({ width, height, format }).toEqual({ width: variant.width, height: variant.height, format: variant.format });
      }
      expect(await product.bytes(job.result.file.links.content)).toEqual(await readFile('examples/photo.jpg'));
    },
    4 * minutes,
  );

  test(
    "Temporal's own tools show readable runs without personal data",
    async () => {
      const cli = await findTemporalCli();
      const temporal = async (...args: string[]) =>
        (await run(cli, [...args, '--address', product.temporalAddress, '--output', 'json'], { maxBuffer: 64 * 1024 * 1024 })).stdout;
      const listed = await eventually(async () => {
        const text = await temporal('workflow', 'list');
        for (const name of [emailId, 'sendEmail', 'generateReport', 'processUpload']) expect(text).toContain(name);
        return text;
      });
      const shown = await temporal('workflow', 'show', '-w', emailId);
      expect(shown).toContain('deliverEmail');
      const described = JSON.parse(await temporal('workflow', 'describe', '-w', emailId));
      const codec = ['--codec-endpoint', `${product.url}/v1/codec`, '--codec-auth', `Bearer ${product.key}`];
      const decrypted = JSON.parse(await temporal('workflow', 'describe', '-w', emailId, ...codec));
      expect(decrypted.executionConfig.userMetadata.summary).toBe('E-mail to one recipient');
      const encrypted = Buffer.from('binary/encrypted').toString('base64');
      expect(shown).toContain(encrypted);
      expect(await temporal('workflow', 'show', '-w', emailId, ...codec)).not.toContain(encrypted);
      const { searchAttributes, memo } = described.workflowExecutionInfo;
      expect(JSON.stringify(searchAttributes)).toContain('HandoffTenant');
      for (const fact of [listed, searchAttributes, memo, described.executionConfig]) {
        // Payloads may come as base64, too.
        const open = JSON.stringify(fact).replace(/"data\\*":\s*\\*"([^"\\]*)/g, (_all, data: string) =>
          Buffer.from(data, 'base64').toString(),
        );
        expect(open).not.toContain('lovelace');
      }
      const ui = `http://127.0.0.1:${String(product.ports.ui)}`;
      expect((await fetch(ui)).status).toBe(200);
      // What the Web UI does to show it to whoever started all this.
      const { Codec: settings } = (await (await fetch(`${ui}/api/v1/settings`)).json()) as { Codec: { Endpoint: string } };
      const { summary } = described.executionConfig.userMetadata;
      const answer = await fetch(`${settings.Endpoint}/decode`, {
        ...{ method: 'POST', body: JSON.stringify({ payloads: [summary] }) },
        headers: { Origin: ui, 'Content-Type': 'application/json', 'X-Namespace': 'default' },
      });
      expect([answer.status, answer.headers.get('Access-Control-Allow-Origin')]).toEqual([200, ui]);
      expect(JSON.stringify(await answer.json())).toContain(Buffer.from('"E-mail to one recipient"').toString('base64'));
    },
    4 * minutes,
  );

  test(
    'hostile submissions get a problem document, start no job and leave no file',
    async () => {
      const before = await filesBelow(join(product.dataDir, 'files'));
      const email = { to: ['ada@example.com'], subject: 'Hi', text: 'Hi' };
      const table = { title: 'T', source: { rows: [{ a: 1 }] }, outputs: [{ format: 'csv' }] };
      const jpeg = await readFile('examples/photo.jpg');
      const upload = (bytes: Buffer, type: string) => {
        const form = new FormData();
        form.set('file', new Blob([new Uint8Array(bytes)], { type }), 'x.jpg');
        return form;
      };
      const cases: [path: string, body: unknown, code: string, pointer: string][] = [
        ['/v1/emails', { ...email, carbonCopy: ['x@example.com'] }, 'invalid_request', '/carbonCopy'],
        ['/v1/emails', { ...email, to: [] }, 'invalid_request', '/to'],
        ['/v1/emails', { ...email, to: ['a@example.com\nBcc: b@example.com'] }, 'invalid_request', '/to/0'],
        ['/v1/emails', { ...email, subject: 'Hi\r\nBcc: b@example.com' }, 'invalid_request', '/subject'],
        ['/v1/reports', { ...table, outputs: [{ format: 'doc' }] }, 'invalid_request', '/outputs/0/format'],
        ['/v1/reports', { ...table, source: { rows: [] } }, 'invalid_request', '/source/rows'],
        ['/v1/reports', { ...table, source: { fileId: 'file_aaaaaaaaaaaaaaaaaaaaaaaaaa' } }, 'file_not_found', '/source/fileId'],
        ['/v1/uploads', upload(jpeg.subarray(0, 40_000), 'image/jpeg'), 'image_truncated', '/file'],
        ['/v1/uploads', upload(jpeg, 'image/png'), 'content_type_mismatch', '/file'],
      ];
      for (const [path, body, code, pointer] of cases) {
        const answer = await product.request('POST', path, body);
        expect({
          path,
          status: answer.status,
          code: answer.body.code,
          pointers: answer.body.errors?.map((e: { pointer: string }) => e.pointer),
        }).toEqual({
          path,
          status: 400,
          code,
          pointers: [pointer],
        });
        expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      }
      expect(await product.request('POST', '/v1/emails', '{"to":')).toMatchObject({ status: 400, body: { code: 'malformed_json' } });
      expect(await product.request('POST', '/v1/emails', 'to=ada', { 'Content-Type': 'text/plain' })).toMatchObject({ status: 415 });
      expect(await filesBelow(join(product.dataDir, 'files'))).toEqual(before);
    },
    4 * minutes,
  );

  test(
    'while Temporal is away submissions get 503 with Retry-After, and are taken again when it is back',
    async () => {
      const temporal = await product.temporalPid();
      process.kill(temporal, 'SIGSTOP');
      try {
        const answer = await product.request('POST', '/v1/emails', { to: ['ada@example.com'], subject: 'Hi', text: 'Hi' });
        expect(answer).toMatchObject({ status: 503, body: { code: 'temporal_unavailable', retryable: true } });
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      } finally {
        process.kill(temporal, 'SIGCONT');
      }
      await eventually(async () => {
        const answer = await product.request('POST', '/v1/emails', { to: ['ada@example.com'], subject: 'Hi again', text: 'Hi' });
        expect(answer.status).toBe(202);
      });
    },
    5 * minutes,
  );

  test(
    'SIGTERM drains and leaves no process behind',
    async () => {
      const temporal = await product.temporalPid();
      await product.stop();
      expect(product.printed).toContain('SIGTERM: finishing what runs');
      await eventually(() => {
        expect(isAlive(temporal)).toBe(false);
      });
      for (const port of Object.values(product.ports)) {
        const socket = createConnection(port, '127.0.0.1');
        await expect(once(socket, 'connect')).rejects.toThrow('ECONNREFUSED');
      }
    },
    3 * minutes,
  );
});
