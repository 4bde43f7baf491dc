import { beforeAll, describe, expect, test } from '@jest/globals';
import { createHmac, createSign } from 'node:crypto';

import { createPostmarkEvents } from '../../../src/mail/events/postmark.ts';
import { createResendEvents } from '../../../src/mail/events/resend.ts';
import { createSesEvents } from '../../../src/mail/events/ses.ts';
import type { GuardedFetch } from '../../../src/outbound/guarded-fetch.ts';
import { OutboundError } from '../../../src/outbound/outbound-error.ts';
import { noOpenssl, selfSigned } from '../../support/certificates.ts';

const refused = { code: 'signature_invalid' };
const none: never[] = [];

describe('Resend', () => {
  const secret = Buffer.from('0123456789abcdef0123456789abcdef').toString('base64');
  const source = createResendEvents(`whsec_${secret}`);
  const signed = (body: object, { at = Date.now() / 1_000, key = secret, prefix = 'svix' } = {}) => {
    const text = JSON.stringify(body);
    const time = String(Math.floor(at));
    const signature = createHmac('sha256', Buffer.from(key, 'base64')).update(`msg_1.${time}.${text}`).digest('base64');
    return {
      headers: { [`${prefix}-id`]: 'msg_1', [`${prefix}-timestamp`]: time, [`${prefix}-signature`]: `v1,${signature}` },
      body: Buffer.from(text),
    };
  };
  const read = ({ headers, body }: ReturnType<typeof signed>) => source.read(headers, body);
  const bounced = (type: string) => ({
    type: 'email.bounced',
    data: { email_id: '56761188-7520', to: ['ada@example.com'], bounce: { type, subType: 'General', message: 'no such user' } },
  });

  test.each(['svix', 'webhook'])('tells of a permanent bounce and of a complaint (headers %s-…)', async (prefix) => {
    expect(await read(signed(bounced('Permanent'), { prefix }))).toEqual([
      { kind: 'bounce', recipients: ['ada@example.com'], messages: ['Resend 56761188-7520'] },
    ]);
    const headers = [{ name: 'Message-ID', value: '<1@example.org>' }];
    const complained = { type: 'email.complained', data: { email_id: 'x', to: ['ada@example.com'], headers } };
    expect(await read(signed(complained, { prefix }))).toEqual([
      { kind: 'complaint', recipients: ['ada@example.com'], messages: ['Resend x', '<1@example.org>'] },
    ]);
  });

  test.each([
    bounced('Transient'),
    bounced('Undetermined'),
    { type: 'email.delivered', data: {} },
    {},
    { type: 'email.bounced', data: null },
  ])('tells of nothing in %j', async (body) => {
    expect(await read(signed(body))).toEqual(none);
  });

  test('is not believed with an altered body, another key, without a signature, or too old or too new a time', async () => {
    const good = signed(bounced('Permanent'));
    const altered = { ...good, body: Buffer.from(good.body.toString().replace('ada@', 'eve@')) };
    const other = signed(bounced('Permanent'), { key: Buffer.alloc(32).toString('base64') });
    const old = signed(bounced('Permanent'), { at: Date.now() / 1_000 - 600 });
    const early = signed(bounced('Permanent'), { at: Date.now() / 1_000 + 600 });
    const moved = { ...old, headers: { ...old.headers, 'svix-timestamp': String(Math.floor(Date.now() / 1_000)) } };
    const bare = { ...good, headers: {} as typeof good.headers };
    for (const each of [altered, other, old, early, moved, bare]) await expect(read(each)).rejects.toMatchObject(refused);
  });

  test('has its signature checked before anything is parsed', async () => {
    await expect(source.read({}, Buffer.from('{'))).rejects.toMatchObject(refused);
  });
});

describe('Postmark', () => {
  const source = createPostmarkEvents('postmark:0123456789abcdef');
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
  const read = (body: object, headers = basic('postmark:0123456789abcdef')) => source.read(headers, Buffer.from(JSON.stringify(body)));
  const bounce = { RecordType: 'Bounce', Type: 'HardBounce', Email: 'ada@example.com', MessageID: '883953f4' };

  test('tells of hard bounces and of complaints, and of nothing else', async () => {
    const told = { recipients: ['ada@example.com'], messages: ['Postmark 883953f4'] };
    expect(await read(bounce)).toEqual([{ kind: 'bounce', ...told }]);
    expect(await read({ ...bounce, RecordType: 'SpamComplaint', Type: 'SpamComplaint' })).toEqual([{ kind: 'complaint', ...told }]);
    for (const Type of ['SoftBounce', 'Transient', 'DnsError', 'SpamNotification', 'AutoResponder', 'Blocked'])
      expect(await read({ ...bounce, Type })).toEqual(none);
    expect(await read({ RecordType: 'Open' })).toEqual(none);
  });

  test.each([
    '',
    'postmark',
    'postmark:',
    'postmark:wrong',
    ':0123456789abcdef',
    'postmark:0123456789abcdef0',
    'POSTMARK:0123456789abcdef',
  ])('is not believed with the credentials "%s"', async (text) => {
    await expect(read(bounce, basic(text))).rejects.toMatchObject(refused);
  });

  test('is not believed without credentials, and not parsed either', async () => {
    await expect(source.read({}, Buffer.from('{'))).rejects.toMatchObject(refused);
    await expect(source.read({ authorization: 'Bearer postmark:0123456789abcdef' }, Buffer.from('{'))).rejects.toMatchObject(refused);
  });
});

(noOpenssl === undefined ? describe : describe.skip)(`SES${noOpenssl === undefined ? '' : ` (skipped: ${noOpenssl})`}`, () => {
  const topicArn = 'arn:aws:sns:eu-west-1:123456789012:bounces';
  const certificateUrl = 'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem';
  let key: string;
  let certificate: string;
  beforeAll(async () => {
    ({ key, cert: certificate } = await selfSigned('/CN=sns.amazonaws.com'));
  });

  const fields: Record<string, string[]> = {
    Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
    SubscriptionConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
  };
  function signed(changes: Record<string, string> = {}, version = '2'): Record<string, string> {
    const message: Record<string, string> = {
      ...{ Type: 'Notification', MessageId: 'm-1', TopicArn: topicArn, Timestamp: new Date().toISOString() },
      ...{ SigningCertURL: certificateUrl, SignatureVersion: version, Message: '{}', ...changes },
    };
    const sign = createSign(version === '1' ? 'RSA-SHA1' : 'RSA-SHA256');
    for (const name of fields[message['Type'] ?? ''] ?? []) if (message[name] !== undefined) sign.update(`${name}\n${message[name]}\n`);
    return { ...message, Signature: sign.sign(key, 'base64') };
  }
  function opened(answer: () => { status: number; body: Buffer } = () => ({ status: 200, body: Buffer.from(certificate) })) {
    const asked: string[] = [];
    const fetch: GuardedFetch = (url) => {
      asked.push(String(url));
      return Promise.resolve().then(() => ({ ...answer(), headers: {}, url: new URL(String(url)) }));
    };
    const source = createSesEvents({ topicArn, fetch });
    return { asked, read: (message: object) => source.read({}, Buffer.from(JSON.stringify(message))) };
  }
  const mail = { messageId: '0102', headers: [{ name: 'Message-ID', value: '<1@example.org>' }] };
  const bounce = (bounceType: string, name = 'notificationType') =>
    JSON.stringify({
      [name]: 'Bounce',
      mail,
      bounce: { bounceType, bouncedRecipients: [{ emailAddress: 'ada@example.com', action: 'failed' }] },
    });

  test.each(['1', '2'])(
    'tells of permanent bounces and of complaints (signature version %s), and reads the certificate once',
    async (version) => {
      const { read, asked } = opened();
      const told = { recipients: ['ada@example.com'], messages: ['SES 0102', '<1@example.org>'] };
      expect(await read(signed({ Message: bounce('Permanent') }, version))).toEqual([{ kind: 'bounce', ...told }]);
      expect(await read(signed({ Message: bounce('Permanent', 'eventType'), Subject: 'x' }, version))).toEqual([
        { kind: 'bounce', ...told },
      ]);
      const complaint = { notificationType: 'Complaint', mail, complaint: { complainedRecipients: [{ emailAddress: 'ada@example.com' }] } };
      expect(await read(signed({ Message: JSON.stringify(complaint) }, version))).toEqual([{ kind: 'complaint', ...told }]);
      for (const other of [bounce('Transient'), bounce('Undetermined'), '{"notificationType":"Delivery"}'])
        expect(await read(signed({ Message: other }, version))).toEqual(none);
      expect(asked).toEqual([certificateUrl]);
    },
  );

  test('is not believed with an altered body, topic or time, a wrong signature or version', async () => {
    const { read } = opened();
    const good = signed({ Message: bounce('Permanent') });
    const changes: Record<string, unknown>[] = [
      { Message: bounce('Permanent').replace('ada@', 'eve@') },
      { MessageId: 'm-2' },
      { Subject: 'added' },
      { Signature: 'AAAA' },
      { Signature: undefined },
      { SignatureVersion: '3' },
      { SignatureVersion: '1' },
      { Type: 'SubscriptionConfirmation' },
      { Type: '__proto__' },
    ];
    for (const change of changes) await expect(read({ ...good, ...change })).rejects.toMatchObject(refused);
  });

  test('is not believed when it is of another topic, too old or of the future, although SNS has signed it', async () => {
    const { read, asked } = opened();
    const at = (ms: number) => new Date(Date.now() + ms).toISOString();
    const hour = 3_600_000;
    for (const change of [
      { TopicArn: topicArn.replace('123456789012', '999999999999') },
      { Timestamp: at(-3 * hour) },
      { Timestamp: at(hour) },
      { Timestamp: 'x' },
    ])
      await expect(read(signed({ Message: bounce('Permanent'), ...change }))).rejects.toMatchObject(refused);
    expect(asked).toEqual([]);
  });

  test.each([
    'https://evil.example/SimpleNotificationService-0123456789abcdef.pem',
    'https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0123.pem',
    'https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem',
    'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123.pem',
    'https://s3.amazonaws.com/evil/SimpleNotificationService-0123.pem',
    'http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem',
    'https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0123.pem',
    'https://user@sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem',
    'https://sns.eu-west-1.amazonaws.com/?Action=x#.pem',
    'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-../../evil.pem',
    'file:///etc/passwd',
    'x',
  ])('never has its certificate read from %s', async (SigningCertURL) => {
    const { read, asked } = opened();
    await expect(read(signed({ SigningCertURL, Message: bounce('Permanent') }))).rejects.toMatchObject(refused);
    expect(asked).toEqual([]);
  });

  test('is not believed when the certificate is none, or not there; it is to be sent again when it can not be read now', async () => {
    const answers: [() => { status: number; body: Buffer }, string][] = [
      [() => ({ status: 200, body: Buffer.from('no certificate') }), 'signature_invalid'],
      [() => ({ status: 404, body: Buffer.alloc(0) }), 'signature_invalid'],
      [() => ({ status: 503, body: Buffer.alloc(0) }), 'not_ready'],
      [
        () => {
          throw new OutboundError('unreachable');
        },
        'not_ready',
      ],
    ];
    for (const [answer, code] of answers)
      await expect(opened(answer).read(signed({ Message: bounce('Permanent') }))).rejects.toMatchObject({ code });
  });

  test('has its subscription confirmed for the configured topic only, and at SNS only', async () => {
    const confirmation = (SubscribeURL: string, TopicArn = topicArn) =>
      signed({ Type: 'SubscriptionConfirmation', Token: 't', SubscribeURL, TopicArn, Message: 'You have chosen' });
    const url = 'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t';
    const { read, asked } = opened();
    expect(await read(confirmation(url))).toEqual(none);
    expect(asked).toEqual([certificateUrl, url]);
    await expect(read(confirmation(url, topicArn.replace('bounces', 'other')))).rejects.toMatchObject(refused);
    for (const evil of [
      'https://evil.example/',
      'http://sns.eu-west-1.amazonaws.com/',
      'https://sns.eu-west-1.amazonaws.com.evil.example/',
    ])
      await expect(read(confirmation(evil))).rejects.toMatchObject(refused);
    await expect(read({ ...confirmation(url), SubscribeURL: `${url}x` })).rejects.toMatchObject(refused);
    expect(asked).toHaveLength(2);
  });
});
