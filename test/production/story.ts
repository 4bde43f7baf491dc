import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import exceljs from 'exceljs';
import sharp from 'sharp';

import { picture } from '../support/pictures.ts';
import type { Checks } from './checks.ts';
import type { Api } from './http.ts';
import { status } from './http.ts';
import type { Mailbox } from './mailbox.ts';

interface Story {
  checks: Checks;
  apis: [Api, Api];
  mailbox: Mailbox;
}

const outputs = [{ format: 'csv' }, { format: 'xlsx' }];
const header = 'city,sum\r\n';
const lines = 'Oslo,12.5\r\n"Łódź, ""old""",-3\r\n';

async function reportHolds(api: Api, id: string): Promise<void> {
  const { rows, files = [] } = await api.completed(id);
  assert.equal(rows, 2);
  const [csv, xlsx] = files;
  assert.ok(csv && xlsx);
  assert.equal((await api.content(csv)).toString(), header + lines);
  const book = new exceljs.Workbook();
  await book.xlsx.load((await api.content(xlsx)) as unknown as exceljs.Buffer);
  const row = book.worksheets[0]?.getRow(3);
  assert.deepEqual([row?.getCell(1).value, row?.getCell(2).value], ['Łódź, "old"', -3]);
}

/** Each job type once, given to one API process and read from the other. */
export async function tellStory({ checks: { check }, apis: [first, second], mailbox }: Story): Promise<void> {
  await check('a wrong key is refused by both APIs', async () => {
    for (const api of [first, second])
      assert.equal(await status(`${api.url}/v1/jobs/x`, { Authorization: 'Bearer wrong-wrong-wrong' }), 401);
  });

  await check('an e-mail arrives under the Message-ID that its job names', async () => {
    const { job } = await first.submit('emails', { to: ['ada@example.com'], subject: 'Grüße', text: 'Hi' });
    const { messages = [] } = await second.completed(job.id);
    const [mail, ...others] = mailbox.mails('ada@example.com');
    assert.equal(others.length, 0);
    assert.deepEqual([mail?.subject, mail?.text.trim(), mail?.messageId], ['Grüße', 'Hi', messages[0]?.messageId]);
  });

  await check('a report from rows holds them as CSV and as XLSX', async () => {
    const rows = [
      { city: 'Oslo', sum: 12.5 },
      { city: 'Łódź, "old"', sum: -3 },
    ];
    const { job } = await second.submit('reports', { title: 'Sales', source: { rows }, outputs });
    await reportHolds(first, job.id);
  });

  await check('a report from an uploaded CSV file holds its rows', async () => {
    const { job } = await first.upload({ bytes: new Uint8Array(Buffer.from(header + lines)), name: 'sales.csv', type: 'text/csv' });
    const { file } = await second.completed(job.id);
    const report = await second.submit('reports', { title: 'Sales', source: { fileId: file?.id }, outputs });
    await reportHolds(first, report.job.id);
  });

  await check('an uploaded picture keeps its bytes and gets variants that decode', async () => {
    const bytes = new Uint8Array(await picture(1200, 800).jpeg().toBuffer());
    const variants = [
      { name: 'small', width: 320, format: 'webp' },
      { name: 'square', width: 100, height: 100, format: 'png' },
    ];
    const { job } = await second.upload({ bytes, name: 'photo.jpg', type: 'image/jpeg', request: { variants } });
    const result = await first.completed(job.id);
    assert.deepEqual(result.image, { format: 'jpeg', width: 1200, height: 800 });
    assert.equal(result.file?.sha256, createHash('sha256').update(bytes).digest('hex'));
    assert.equal(result.variants?.length, variants.length);
    for (const variant of result.variants) {
      const { format, width, height } = (await sharp(await first.content(variant.file)).toBuffer({ resolveWithObject: true })).info;
      assert.deepEqual({ format, width, height }, { format: variant.format, width: variant.width, height: variant.height });
    }
  });

  await check('50 parallel posts under one Idempotency-Key, to both APIs, are one job and one e-mail', async () => {
    const body = { to: ['once@example.com'], subject: 'Once', text: 'Only once' };
    const posts = Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? first : second).submit('emails', body, 'only-once'));
    const answers = await Promise.all(posts);
    const ids = new Set(answers.map(({ job }) => job.id));
    assert.equal(ids.size, 1);
    assert.equal(answers.filter(({ replayed }) => !replayed).length, 1);
    for (const id of ids) await second.completed(id);
    assert.equal(mailbox.mails('once@example.com').length, 1);
  });
}
