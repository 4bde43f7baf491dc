import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import exceljs from 'exceljs';
import sharp from 'sharp';

import { eventually } from '../support/eventually.ts';
import { picture } from '../support/pictures.ts';
import type { Checks } from './checks.ts';
import type { Cluster } from './cluster.ts';
import { beginUpload } from './half-upload.ts';
import { type Accepted, type Api, patience, status } from './http.ts';
import type { Mailbox } from './mailbox.ts';
import type { Process } from './processes.ts';
import type { TemporalView } from './temporal-view.ts';

interface Crash {
  checks: Checks;
  cluster: Cluster;
  apis: [Api, Api];
  key: string;
  mailbox: Mailbox;
  temporal: TemporalView;
}

const rows = 300_000;
const mailCount = 40;
const outputs = [{ format: 'csv' }, { format: 'xlsx' }];

function bigCsv(): Uint8Array<ArrayBuffer> {
  const lines = Array.from(
    { length: rows },
    (_, i) => `${String(i)},Customer ${String(i % 977)},${String((i * 37) % 10_000)}.5,2026-01-${String((i % 28) + 1)}`,
  );
  return new Uint8Array(Buffer.from(`number,name,amount,day\r\n${lines.join('\r\n')}\r\n`));
}

/** As a client should: no answer, or a 503, means "unknown", and the same key makes asking elsewhere safe. */
async function insist(apis: readonly Api[], post: (api: Api) => Promise<Accepted>): Promise<string> {
  return eventually(
    async () => {
      let last: unknown;
      for (const api of apis) {
        try {
          return (await post(api)).job.id;
        } catch (error) {
          last = error;
        }
      }
      throw last;
    },
    { within: patience },
  );
}

async function rowsOf(xlsx: Buffer): Promise<number> {
  let count = 0;
  const book = new exceljs.stream.xlsx.WorkbookReader(Readable.from(xlsx), { sharedStrings: 'ignore', styles: 'ignore' });
  for await (const sheet of book) for await (const row of sheet) count = Math.max(count, row.number);
  return count;
}

/** Asks on and on, and counts; every refusal is kept. */
function watch(url: string): { stop(): Promise<{ asked: number; refused: number[] }> } {
  const stopped = new AbortController();
  let asked = 0;
  const refused: number[] = [];
  const watching = (async () => {
    while (!stopped.signal.aborted) {
      asked += 1;
      const code = await status(url).catch(() => 0);
      if (code !== 200) refused.push(code);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return {
    async stop() {
      stopped.abort();
      await watching;
      return { asked, refused };
    },
  };
}

/** `kill -9` of an API process with a request half received and of a worker in the middle of a report. @returns who is left. */
export async function crash({ checks: { check, say }, cluster, apis, key, mailbox, temporal }: Crash): Promise<Process[]> {
  const [first, second] = apis;
  const photo = new Uint8Array(await picture(2000, 1500).jpeg().toBuffer());
  const source = await check(`a CSV file of ${String(rows)} rows is uploaded`, async () => {
    const { job } = await first.upload({ bytes: bigCsv(), name: 'big.csv', type: 'text/csv' });
    const { file } = await first.completed(job.id);
    assert.ok(file);
    return file;
  });

  const uploads = Array.from({ length: 6 }, (_, i) =>
    insist(apis, (api) => api.upload({ bytes: photo, name: 'photo.jpg', type: 'image/jpeg' }, `crash-photo-${String(i)}`)),
  );
  const reports = await Promise.all(
    Array.from({ length: 4 }, (_, i) =>
      insist([second], (api) =>
        api.submit('reports', { title: 'Big', source: { fileId: source.id }, outputs }, `crash-report-${String(i)}`),
      ),
    ),
  );
  const half = beginUpload(first.url, key, photo);
  await half.underway;
  const victim = await check('Temporal names a worker in the middle of a report', () =>
    eventually(
      async () => {
        const pids = await temporal.busyPids(reports);
        const found = cluster.workers.find((worker) => pids.includes(worker.pid));
        assert.ok(found, 'no worker is in the middle of a report');
        return found;
      },
      { within: patience, every: 50 },
    ),
  );

  const doomed = [cluster.apis[0], victim];
  const left = cluster.all.filter((one) => !doomed.includes(one));
  const watched = watch(`${second.url}/livez`);
  const mails = Array.from({ length: mailCount }, (_, i) => {
    const body = { to: [`crash-${String(i)}@example.com`], subject: `Mail ${String(i)}`, text: 'Through a crash' };
    const order = i % 2 === 0 ? [first, second] : [second, first];
    return insist(order, (api) => api.submit('emails', body, `crash-mail-${String(i)}`));
  });
  for (const one of doomed) one.kill('SIGKILL');
  say(`        kill -9: ${doomed.map((one) => `${one.name} (pid ${String(one.pid)})`).join(', ')}`);

  await check('kill -9 ends both at once, and the half-sent upload with them', async () => {
    assert.deepEqual(await Promise.all(doomed.map((one) => one.ended)), ['SIGKILL', 'SIGKILL']);
    assert.notEqual(await half.outcome, 'answered');
  });
  const again = await insist([second], (api) => api.upload({ bytes: photo, name: 'half.jpg', type: 'image/jpeg' }, 'crash-half'));

  await check(`all ${String(mailCount)} e-mails arrive, each under one Message-ID`, async () => {
    const ids = await Promise.all(mails);
    await Promise.all(ids.map((id) => second.completed(id)));
    const counts = ids.map((_id, i) => {
      const caught = mailbox.mails(`crash-${String(i)}@example.com`);
      assert.equal(new Set(caught.map((mail) => mail.messageId)).size, 1, `mail ${String(i)}`);
      return caught.length;
    });
    say(`        sent more than once (in doubt after the kill, at least once): ${String(counts.filter((count) => count > 1).length)}`);
  });

  await check('all uploads complete, and their variants decode', async () => {
    for (const id of [...(await Promise.all(uploads)), again]) {
      const { variants = [] } = await second.completed(id);
      assert.equal(variants.length, 3);
      for (const { file, width } of variants)
        assert.equal((await sharp(await second.content(file)).toBuffer({ resolveWithObject: true })).info.width, width);
    }
  });

  await check('all reports complete, with the same bytes, whoever rendered them', async () => {
    const results = await Promise.all(reports.map((id) => second.completed(id)));
    for (const result of results) assert.equal(result.rows, rows);
    for (const index of [0, 1]) assert.equal(new Set(results.map(({ files }) => files?.[index]?.sha256)).size, 1);
    const [csv, xlsx] = results[0]?.files ?? [];
    assert.ok(csv && xlsx);
    assert.equal((await second.content(csv)).toString().split('\r\n').length, rows + 2);
    assert.equal(await rowsOf(await second.content(xlsx)), rows + 1);
  });

  await check('the kill did interrupt a step, and Temporal repeated it', async () => {
    assert.ok((await temporal.repeated(reports)) > 0);
  });

  await check('the other API answered all the time', async () => {
    const { asked, refused } = await watched.stop();
    say(`        ${String(asked)} questions, ${String(refused.length)} without a 200`);
    assert.ok(asked > 0);
    assert.deepEqual(refused, []);
  });
  return left;
}
