import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { findTemporalCli } from '../../scripts/temporal-cli.mjs';
import { eventually } from '../support/eventually.ts';
import { reply, startMailServer } from '../support/mail-server.ts';
import { ended, Product } from '../support/product.ts';

const run = promisify(execFile);
const minutes = 60_000;

/** Found wherever it gets to, whole: letters and digits only, so that nothing has to escape it. */
const mark = `canary${randomBytes(6).toString('hex')}`;
let planted = 0;
const canary = (): string => `${mark}x${String(planted++)}`;

/** As it is, as UTF-16, and within base 64 at any of the three places where it can begin. */
const forms = [
  Buffer.from(mark),
  Buffer.from(mark, 'utf16le'),
  ...[0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), Buffer.from(mark)]).toString('base64');
    return Buffer.from(text.slice(shift === 0 ? 0 : 4, -4));
  }),
];

const found = (where: Buffer | string): boolean => forms.some((form) => Buffer.from(where).includes(form));

describe('what jobs hold, after every job type succeeded and failed', () => {
  let mail: Awaited<ReturnType<typeof startMailServer>>;
  let product: Product;
  const ids: string[] = [];
  const answers: string[] = [];

  const refused = `${canary()}@example.com`;
  const wrong = `${canary()}@example.com`;
  const taken = `${canary()}@example.com`;
  const deferred = (path: string) => async (body: unknown) => {
    const id = await product.submit(path, body);
    ids.push(id);
    return id;
  };
  const email = (to: string, options: object = {}) =>
    deferred('/v1/emails')({ to: [to], subject: canary(), text: canary(), html: `<p>${canary()}</p>`, options });

  function upload(bytes: string | Uint8Array<ArrayBuffer>, type: string, request: object): FormData {
    const form = new FormData();
    form.append('file', new Blob([bytes], { type }), `${canary()}.bin`);
    form.append('request', JSON.stringify(request));
    return form;
  }

  async function ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await product.request(method, path, body);
    if (answer.status >= 400) answers.push(JSON.stringify(answer.body));
    return answer.body;
  }

  beforeAll(async () => {
    mail = await startMailServer({
      disabledCommands: ['STARTTLS'],
      authOptional: true,
      onAuth(_auth, _session, callback) {
        callback(null, { user: 'handoff' });
      },
      onRcptTo({ address }, _session, callback) {
        // Servers quote the address, and whatever else they like.
        if (address === refused) callback(reply(550, `5.1.1 ${address} unknown, ${canary()}`));
        else if (address === wrong) callback(reply(451, `4.3.0 ${address} not now, ${canary()}`));
        else callback();
      },
    });
    product = await Product.create({ SMTP_URL: `smtp://handoff:${canary()}@127.0.0.1:${String(mail.port)}`, HANDOFF_LOG_LEVEL: 'debug' });
    await product.start();

    const labels = { labels: { [canary()]: canary() } };
    const once = { retry: { maximumAttempts: 1 }, ...labels };
    await email(taken, labels);
    await email(refused);
    const parked = await email(wrong, once);
    await deferred('/v1/reports')({
      title: canary(),
      source: { rows: [{ [canary()]: canary() }] },
      outputs: [{ format: 'csv' }, { format: 'xlsx' }],
    });
    await deferred('/v1/uploads')(upload(canary(), 'text/plain', {}));
    const broken = await product.submit('/v1/uploads', upload(`${canary()},b\n1\n"`, 'text/csv', {}));
    ids.push(broken);
    const { result } = await product.job(broken, ended);
    await deferred('/v1/reports')({ title: canary(), source: { fileId: result.file.id }, outputs: [{ format: 'csv' }] });
    const later = await email(taken, { delaySeconds: 86_400 });
    await ask('PATCH', `/v1/jobs/${later}`, { request: { to: [taken], subject: canary(), text: canary() } });

    await product.job(parked, ({ status }) => status === 'dead_lettered');
    await ask('POST', `/v1/jobs/${parked}/notes`, { text: canary() });
    await ask('POST', `/v1/jobs/${parked}/retry`);
    await product.job(parked, ({ status, deadLetter }) => status === 'dead_lettered' && deadLetter.redrives === 1);
    await ask('POST', `/v1/jobs/${parked}/discard`, { reason: canary() });
    await ask('POST', `/v1/jobs/${later}/cancel`);
    for (const id of ids) await product.job(id, ended);

    for (const [path, body] of [
      ['/v1/emails', { to: [canary()], subject: 'S', text: 'T' }],
      ['/v1/emails', { to: [taken], subject: `${canary()}\n`, text: 'T' }],
      ['/v1/reports', { title: canary(), source: { rows: canary() }, outputs: [{ format: canary() }] }],
      ['/v1/emails', `{"${canary()}`],
    ] as const)
      await ask('POST', path, body);
  }, 10 * minutes);
  afterAll(async () => {
    await product.destroy();
    await mail.close();
  }, 2 * minutes);

  test('was really there: it reached those whom it was for', async () => {
    expect(mail.received.map(({ recipients }) => recipients)).toEqual([[taken]]);
    expect(found(mail.received[0]?.raw ?? '')).toBe(true);
    const jobs: { status: string }[] = [];
    for (const id of ids) jobs.push((await product.job(id, ended)) as { status: string });
    expect(jobs.map(({ status }) => status)).toEqual([
      'completed',
      'failed',
      'failed',
      'completed',
      'completed',
      'completed',
      'failed',
      'cancelled',
    ]);
    expect(found(JSON.stringify(jobs))).toBe(true);
    expect(answers.length).toBe(4);
  });

  test("is nowhere in Temporal's database, nor in its log", async () => {
    const files = (await readdir(product.dataDir, { recursive: true })).filter((name) => /^temporal\.db|^logs\//.test(name));
    expect(files).toEqual(expect.arrayContaining(['temporal.db', 'temporal.db-wal', 'logs/temporal.log']));
    const contents = await Promise.all(files.map(async (name) => readFile(join(product.dataDir, name))));
    expect(files.filter((_name, index) => found(contents[index] ?? ''))).toEqual([]);
    // It is the right place: what is plain by nature is there.
    expect(contents.some((content) => content.includes(String(ids[0])))).toBe(true);
  });

  test(
    'is nowhere in what Temporal gives out: histories, descriptions, lists',
    async () => {
      const cli = await findTemporalCli({ log: () => undefined });
      const temporal = async (...argv: string[]) =>
        (await run(cli, [...argv, '--address', product.temporalAddress, '--output', 'json'], { maxBuffer: 64 << 20 })).stdout;
      await eventually(async () => {
        expect((JSON.parse(await temporal('workflow', 'list')) as unknown[]).length).toBe(ids.length);
      });
      const texts = [await temporal('workflow', 'list')];
      for (const id of ids)
        for (const command of ['show', 'describe']) texts.push(await temporal('workflow', command, '--workflow-id', id));
      expect(texts.filter(found)).toEqual([]);
      expect(texts.join('')).toContain('deliverEmail');
    },
    5 * minutes,
  );

  test('is nowhere in our log, nor in metrics, nor in answers to bad requests', async () => {
    const metrics = (await product.request('GET', '/metrics')).body as string;
    expect(metrics).toContain('http_request');
    expect(product.printed).toContain('"path":"/v1/emails"');
    const places = {
      log: product.printed,
      metrics,
      ...Object.fromEntries(answers.map((text, index) => [`answer ${String(index)}`, text])),
    };
    expect(Object.entries(places).flatMap(([name, text]) => (found(text) ? [`${name}: ${text}`] : []))).toEqual([]);
  });
});
