import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { ApplicationFailure } from '@temporalio/common';
import type { Kysely } from 'kysely';
import { readFile, rm } from 'node:fs/promises';

import type { Delivery } from '../../activities/email.ts';
import type { MailSender } from '../../activities/mail-ports.ts';
import { createDeliveries, type Deliveries } from '../../src/database/deliveries.ts';
import { openDatabase } from '../../src/database/open.ts';
import type { Database } from '../../src/database/schema.ts';
import { newJobId } from '../../src/jobs/ids.ts';
import { createSmtpSender } from '../../src/mail/smtp.ts';
import { runActivity } from '../support/activity.ts';
import { emailActivitiesWith } from '../support/deliveries.ts';
import { pgliteDirectory } from '../support/pglite.ts';
import { type Script, startScriptedSmtp } from '../support/scripted-smtp.ts';

interface Row {
  what: string;
  next: string;
  ledger: string;
  code: string;
}

/** `docs/email.md` is what is promised. */
async function promised(): Promise<Map<string, Row>> {
  const text = await readFile('docs/email.md', 'utf8');
  const table = text.slice(text.indexOf('<!-- replies -->'), text.indexOf('<!-- end of replies -->'));
  const rows = table
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| the mail server'))
    .map((line) => line.split('|').slice(1, -1).map((cell) => cell.replaceAll('`', '').trim())); // prettier-ignore
  return new Map(rows.map(([what = '', , next = '', ledger = '', code = '']) => [what, { what, next, ledger, code }]));
}

interface Play extends Script {
  /** Of the URL. */
  login?: string;
  query?: string;
  listens?: boolean;
  longestMs?: number;
  policy?: 'at_most_once';
  text?: string;
}

/** More than the buffers of both sides hold. */
const large = 'x'.repeat(70).concat('\n').repeat(200_000);

const plays: Record<string, Play> = {
  'refuses the connection': { listens: false },
  'sends no greeting': { greeting: null, query: '?greetingTimeout=300' },
  'answers one byte a second, for more than 8 minutes': { byteMs: 1_000, longestMs: 1_500 },
  'has a TLS that fails': { brokenTls: true, query: '?tls=required' },
  '421 instead of a greeting': { greeting: '421 4.3.2 closing down' },
  '421 to RCPT TO': { replies: { RCPT: '421 4.3.2 closing down' } },
  '450 4.2.1 to RCPT TO': { replies: { RCPT: '450 4.2.1 busy' } },
  '450 4.2.0 … Greylisted': {
    replies: { RCPT: '450 4.2.0 <ada@example.com>: Recipient address rejected: Greylisted, see http://x.example' },
  },
  '451 4.7.1 to RCPT TO': { replies: { RCPT: '451 4.7.1 Try again later' } },
  '451 without more': { replies: { RCPT: '451 local error' } },
  '452 4.3.1 to MAIL FROM': { replies: { MAIL: '452 4.3.1 no room' } },
  '452 4.2.2 (mailbox full)': { replies: { RCPT: '452 4.2.2 full' } },
  '535 5.7.8 to AUTH': { replies: { AUTH: '535 5.7.8 no' }, login: 'robot:secret@' },
  '530 5.7.0 to MAIL FROM': { replies: { MAIL: '530 5.7.0 log in first' } },
  '550 5.1.1 to RCPT TO': { replies: { RCPT: '550 5.1.1 no such user' } },
  '550 without more': { replies: { RCPT: '550 no' } },
  '550 5.7.1 to the message': { replies: { '.': '550 5.7.1 looks like spam' } },
  '552 5.3.4 to the message': { replies: { '.': '552 5.3.4 too big' } },
  '451 4.3.0 to the message': { replies: { '.': '451 4.3.0 out of memory' } },
  'resets the connection instead of asking for the message': { resets: 'at DATA' },
  'resets the connection within the message': { resets: 'in the message', text: large },
  'resets the connection after the whole message, at_least_once': { resets: 'after the message' },
  'resets the connection after the whole message, at_most_once': { resets: 'after the message', policy: 'at_most_once' },
};

/** In milliseconds, as the table words them. */
const pauses: Record<string, number | string> = {
  never: 'never',
  policy: 'policy',
  '5 minutes': 300_000,
  '5 minutes, growing': 300_000,
  '1 hour, growing': 3_600_000,
};

let directory: string;
let db: Kysely<Database>;
let ledger: Deliveries;
beforeAll(async () => {
  directory = await pgliteDirectory();
  db = await openDatabase({ directory });
  ledger = createDeliveries(db);
});
afterAll(async () => {
  await db.destroy();
  await rm(directory, { recursive: true, force: true });
});

const open: { close(): Promise<void> }[] = [];
function using<T extends { close(): Promise<void> }>(resource: T): T {
  open.unshift(resource);
  return resource;
}
afterEach(async () => {
  for (const resource of open.splice(0)) await resource.close();
});

let jobs = 0;

/** One delivery, tried as often as a test likes, by whatever sender. */
function deliveryOf(changes: Partial<Delivery> = {}) {
  const jobId = newJobId('email', 'acme', `table ${String(jobs++)}`);
  const content = { subject: 'Hello', text: 'Hi' };
  const to = ['ada@example.com'];
  const delivery = { tenant: 'acme', to, recipient: 'ada@example.com', content, date: '2026-11-22T12:00:00Z', ...changes };
  return {
    rows: () => ledger.page(jobId, { limit: 50 }),
    attempt(mail: MailSender, more: Partial<Delivery> = {}) {
      const activities = emailActivitiesWith({ mail, ledger });
      return runActivity(() => activities.deliverEmail({ ...delivery, ...more }), { jobId }).result;
    },
  };
}

const failureOf = async (outcome: Promise<unknown>) => (await outcome.catch((error: unknown) => error)) as ApplicationFailure;

test('the table in docs/email.md has exactly what is played here', async () => {
  expect([...(await promised()).keys()].sort()).toEqual(Object.keys(plays).sort());
});

describe('when the mail server', () => {
  test.each(Object.entries(plays))('%s', async (what, play) => {
    const { login = '', query = '', listens = true, longestMs = 20_000, policy, text = 'Hi', ...script } = play;
    const promise = (await promised()).get(what);
    const server = await startScriptedSmtp(script);
    if (listens) using(server);
    else await server.close();
    const sender = using(createSmtpSender({ url: `smtp://${login}127.0.0.1:${String(server.port)}${query}`, longestMs }));
    const delivery = deliveryOf({ content: { subject: 'Hello', text }, ...(policy && { duplicatePolicy: policy }) });

    const failure = await failureOf(delivery.attempt(sender));
    const pause = failure.nonRetryable ? 'never' : (failure.nextRetryDelay ?? 'policy');
    const [after] = await delivery.rows();
    expect({ code: failure.type, ledger: after?.state, ledgerCode: after?.code, pause }).toEqual({
      ...{ code: promise?.code, ledger: promise?.ledger, ledgerCode: promise?.code },
      pause: pauses[promise?.next ?? ''],
    });

    const sound = using(await startScriptedSmtp());
    const mended = using(createSmtpSender({ url: `smtp://127.0.0.1:${String(sound.port)}` }));
    // A large message takes long only for nothing here.
    const outcome = delivery.attempt(mended, { content: { subject: 'Hello', text: 'Hi' } });
    const second = await outcome.then(
      ({ status }) => status,
      (error: unknown) => (error as ApplicationFailure).type,
    );
    const expected = promise?.next === 'never' ? { second: promise.code, messages: [] } : { second: 'sent', messages: ['ada@example.com'] };
    expect({ second, messages: sound.whole }).toEqual(expected);
  });
});

test('one of ten recipients that is refused leaves the nine others alone, and none gets a second message', async () => {
  const server = using(await startScriptedSmtp({ refusedRecipient: 'user4@example.com' }));
  const sender = using(createSmtpSender({ url: `smtp://127.0.0.1:${String(server.port)}` }));
  const to = Array.from({ length: 10 }, (_, n) => `user${String(n)}@example.com`);
  const delivery = deliveryOf({ to });
  const round = () => Promise.allSettled(to.map((recipient) => delivery.attempt(sender, { recipient })));
  const outcomes = [await round(), await round()];
  for (const outcome of outcomes) expect(outcome.map(({ status }) => status === 'rejected')).toEqual(to.map((_, n) => n === 4));
  expect((await delivery.rows()).map(({ state }) => state)).toEqual(to.map((_, n) => (n === 4 ? 'failed' : 'sent')));
  expect([...server.whole].sort()).toEqual(to.filter((_, n) => n !== 4));
});

test('a server that is slow, but answers in time, gets the message once', async () => {
  const server = using(await startScriptedSmtp({ byteMs: 10 }));
  const sender = using(createSmtpSender({ url: `smtp://127.0.0.1:${String(server.port)}` }));
  expect(await deliveryOf().attempt(sender)).toMatchObject({ status: 'sent' });
  expect(server.whole).toEqual(['ada@example.com']);
});
