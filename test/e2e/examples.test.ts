import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import exceljs from 'exceljs';
import PostalMime from 'postal-mime';
import sharp from 'sharp';

import { ended, Product } from '../support/product.ts';
import { comparable, pairedIds, readmeBlocks } from '../support/readme-requests.ts';

const minutes = 60_000;

describe('the examples against the product', () => {
  let product: Product;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'handoff-examples-'));
    product = await Product.create();
    await product.start();
  }, 5 * minutes);
  afterAll(async () => {
    await product.destroy();
    await rm(directory, { recursive: true, force: true });
  }, 2 * minutes);

  /** Runs a shell as a newcomer does. Whatever it says on standard error is in the failure. */
  async function shell(args: string[], cwd: string, environment: Record<string, string> = {}): Promise<{ code: number; output: string }> {
    return new Promise((done) => {
      const env = { PATH: process.env['PATH'], ...environment };
      execFile('sh', args, { cwd, env, timeout: 3 * minutes }, (error, stdout, stderr) => {
        done({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr });
      });
    });
  }

  const run = (example: string, environment: Record<string, string> = {}) =>
    shell([resolve('examples', example)], directory, { HANDOFF_URL: product.url, HANDOFF_API_KEY: product.key, ...environment });

  const cells = async (name: string): Promise<unknown[]> => {
    const book = new exceljs.Workbook();
    await book.xlsx.load((await readFile(join(directory, name))) as unknown as exceljs.Buffer);
    const rows: unknown[] = [];
    book.worksheets[0]?.eachRow((row) => rows.push((row.values as unknown[]).slice(1)));
    return rows;
  };

  test(
    'email.sh ends with the message in the mail folder',
    async () => {
      expect(await run('email.sh')).toEqual({ code: 0, output: expect.stringContaining('"status":"completed"') });
      const [name = ''] = (await readdir(join(product.dataDir, 'mail'))).filter((file) => file.endsWith('.eml'));
      const mail = await PostalMime.parse(await readFile(join(product.dataDir, 'mail', name)));
      expect(mail).toMatchObject({ subject: 'Hello', to: [{ address: 'ada@example.com' }] });
    },
    4 * minutes,
  );

  test(
    'email-full.sh ends with a message for each recipient that has the picture, the file and the invitation',
    async () => {
      const { code, output } = await run('email-full.sh');
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('"recipient":"bob@bücher.example"') });
      const names = (await readdir(join(product.dataDir, 'mail'))).filter((file) => file.endsWith('.eml'));
      const mails = await Promise.all(names.map(async (name) => PostalMime.parse(await readFile(join(product.dataDir, 'mail', name)))));
      const visits = mails.filter(({ subject }) => subject === 'Your visit – 24 December');
      expect(visits).toHaveLength(2);
      for (const { attachments, text } of visits) {
        expect(text).toContain('We look forward to seeing you.');
        expect(attachments.map(({ mimeType, disposition }) => [mimeType, disposition])).toEqual(
          expect.arrayContaining([
            ['image/jpeg', 'inline'],
            ['text/plain', 'attachment'],
            ['application/ics', 'attachment'],
          ]),
        );
      }
    },
    4 * minutes,
  );

  test(
    'email-from-template.sh ends with the message that the template makes',
    async () => {
      expect(await run('email-from-template.sh')).toEqual({ code: 0, output: expect.stringContaining('"status":"completed"') });
      const names = (await readdir(join(product.dataDir, 'mail'))).filter((file) => file.endsWith('.eml'));
      const mails = await Promise.all(names.map(async (name) => PostalMime.parse(await readFile(join(product.dataDir, 'mail', name)))));
      const mail = mails.find(({ subject }) => subject === 'Your order 42: thank you, Ada');
      expect(mail).toMatchObject({ html: expect.stringContaining('Green tea, 100 g'), text: expect.stringMatching(/22 November 2026/) });
    },
    4 * minutes,
  );

  test(
    'report.sh ends with a CSV and an XLSX file that hold the rows',
    async () => {
      expect(await run('report.sh')).toMatchObject({ code: 0 });
      expect(await readFile(join(directory, 'out-sales.csv'), 'utf8')).toBe('city,sum\r\nOslo,12.5\r\nŁódź,7\r\nKyoto,30.25\r\n');
      expect(await cells('out-sales.xlsx')).toEqual([
        ['city', 'sum'],
        ['Oslo', 12.5],
        ['Łódź', 7],
        ['Kyoto', 30.25],
      ]);
    },
    4 * minutes,
  );

  test(
    'report-from-csv.sh ends with an XLSX file that holds the uploaded rows, numbers as numbers',
    async () => {
      expect(await run('report-from-csv.sh')).toMatchObject({ code: 0 });
      const rows = await cells('out-sales-by-city.xlsx');
      expect(rows).toHaveLength(11);
      expect(rows[0]).toEqual(['city', 'country', 'month', 'sum']);
      expect(rows[5]).toEqual(['San José', 'Costa Rica', '2026-01', 512.75]);
    },
    4 * minutes,
  );

  test(
    'report-from-definition.sh shows the first rows, and ends with the same rows as a file',
    async () => {
      const { code, output } = await run('report-from-definition.sh');
      expect([code, output]).toEqual([0, expect.stringContaining('"rows":[[')]);
      const file = await readFile(join(directory, 'out-sales-by-country.csv'), 'utf8');
      const [header, ...lines] = file.trimEnd().split('\r\n');
      expect(header).toBe('Country,Total');
      const [, shown = ''] = /"rows":(\[\[.*?\]\])/.exec(output) ?? [];
      expect((JSON.parse(shown) as [string, number][]).map(([country]) => country)).toEqual(lines.map((line) => line.split(',')[0]));
    },
    4 * minutes,
  );

  test(
    'reports.sh ends with the PDF files that docs/reports.md shows',
    async () => {
      const { code, output } = await run('reports.sh');
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('Saved ./out-languages.pdf') });
      for (const name of ['sales-by-month', 'inventory', 'invoices', 'languages'])
        expect((await readFile(join(directory, `out-${name}.pdf`))).toString('latin1', 0, 5)).toBe('%PDF-');
    },
    4 * minutes,
  );

  test(
    'batch.sh ends with what became of each recipient of the file',
    async () => {
      expect(await run('batch.sh')).toMatchObject({ code: 0 });
      const [header, ...lines] = (await readFile(join(directory, 'out-recipients.csv'), 'utf8')).trimEnd().split('\r\n');
      expect(header).toBe('seq,to,status,code,response,messageId,at');
      expect(lines.map((line) => line.split(',').slice(0, 3).join())).toEqual([
        '0,ada@example.com,sent',
        '1,bob@example.com,sent',
        '2,carol@example.com,sent',
      ]);
    },
    4 * minutes,
  );

  test(
    'upload.sh ends with a small picture',
    async () => {
      expect(await run('upload.sh')).toMatchObject({ code: 0 });
      const { width, height, format } = await sharp(await readFile(join(directory, 'out-thumb.webp'))).metadata();
      expect({ width, height, format }).toEqual({ width: 320, height: 213, format: 'webp' });
    },
    4 * minutes,
  );

  test('without HANDOFF_API_KEY the key comes from the data directory, and without that the example says so', async () => {
    const kept = join(directory, 'kept');
    const environment = { HANDOFF_API_KEY: '', HANDOFF_DATA_DIR: kept };
    expect(await run('email.sh', environment)).toEqual({ code: 1, output: expect.stringContaining('No API key') });
    await mkdir(kept);
    await writeFile(join(kept, 'dev-api-key'), `${product.key}\n`);
    expect(await run('email.sh', environment)).toMatchObject({ code: 0 });
  });

  test('a refused request ends with an error and the reason', async () => {
    expect(await run('email.sh', { HANDOFF_API_KEY: 'hk_not-a-key-of-this-product' })).toEqual({
      code: 1,
      output: expect.stringContaining('"code":"unauthorized"'),
    });
  });

  test(
    'the commands of the README, one after the other, give the answers that it shows',
    async () => {
      // A clone with a running product, as the README has it.
      const clone = join(directory, 'clone');
      await mkdir(clone);
      await symlink(resolve('examples'), join(clone, 'examples'));
      await symlink(product.dataDir, join(clone, '.handoff'));
      await writeFile(join(product.dataDir, 'dev-api-key'), `${product.key}\n`);
      const [settings, ...blocks] = readmeBlocks();
      if (settings?.kind !== 'sh') throw new Error('The README no longer begins with its settings.');
      const real = new Map([['http://127.0.0.1:3000', product.url]]);
      let last = '';
      let outputs = '';
      for (const block of blocks) {
        if (block.kind === 'sh') {
          let script = `set -e\n${settings.text}${block.text}`;
          for (const [shown, actual] of real) script = script.replaceAll(shown, actual);
          const { code, output } = await shell(['-c', script], clone);
          if (code !== 0) throw new Error(`${script}\nended with ${String(code)}:\n${output}`);
          if (output.startsWith('{')) last = output;
          outputs += output;
          continue;
        }
        const job = JSON.parse(last) as { id: string };
        const answer: unknown = block.answer['status'] === 'queued' ? job : await product.job(job.id, ended);
        expect(comparable(answer)).toMatchObject(comparable(block.answer) as Record<string, unknown>);
        for (const [shown, actual] of pairedIds(block.answer, answer)) real.set(shown, actual);
      }
      expect(outputs).toContain('Hi Ada');
      expect(await cells('clone/Sales.xlsx')).toEqual([
        ['city', 'sum'],
        ['Oslo', 12.5],
      ]);
      expect(await sharp(await readFile(join(clone, 'thumb.webp'))).metadata()).toMatchObject({ width: 320, height: 213 });
    },
    6 * minutes,
  );
});
