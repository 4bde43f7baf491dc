import { afterEach, describe, expect, test } from '@jest/globals';
import { Readable } from 'node:stream';

import { messageBytes } from '../../src/mail/message-bytes.ts';
import { createGuardedFetch } from '../../src/outbound/guarded-fetch.ts';
import { startMailApi } from '../support/mail-api.ts';
import { freely } from '../support/mail-server.ts';
import { closeAll, failureOf, messageFor, secret, senderFor, using } from '../support/mail-providers.ts';

afterEach(closeAll);

describe('an answer that was lost', () => {
  const at = (url: string) => encodeURIComponent(url);
  test.each([
    ['resend', 'mail_server_unreachable', (url: string) => `resend://${secret}@?endpoint=${at(url)}`],
    ['postmark', 'delivery_in_doubt', (url: string) => `postmark://${secret}@?endpoint=${at(url)}`],
    ['ses', 'delivery_in_doubt', (url: string) => `ses://AKIAEXAMPLE:${secret}@eu-west-1?endpoint=${at(url)}`],
  ])('by %s is %s: only one that knows the key can be asked again without a second message', async (_name, code, providerAt) => {
    const api = using(await startMailApi('lost'));
    expect(await failureOf(senderFor(providerAt(api.url)).send(messageFor(), freely()))).toMatchObject({ code });
    expect(api.requests).toHaveLength(1);
    api.answers.push({ status: 504, body: '<html>Gateway Time-out</html>' });
    expect(await failureOf(senderFor(providerAt(api.url)).send(messageFor(), freely()))).toMatchObject({ code });
  });
});

describe('what is said', () => {
  const attachment = { name: 'a.txt', contentType: 'text/plain', size: 2, open: () => Readable.from([Buffer.from('Hi')]) };
  const full = messageFor({
    replyTo: [{ address: 'help@example.org' }],
    headers: [['List-Unsubscribe', '<https://example.org/u>']],
    attachments: [attachment, { ...attachment, name: 'logo.png', contentType: 'image/png', contentId: 'logo' }],
    calendar: { method: 'REQUEST', content: 'BEGIN:VCALENDAR' },
    tags: { order: '42' },
  });

  test('to Resend is what its documentation asks for', async () => {
    const api = using(await startMailApi({ status: 200, body: { id: 'x' } }));
    await senderFor(`resend://${secret}@?endpoint=${encodeURIComponent(api.url)}`).send(full, freely());
    expect(api.requests).toMatchObject([
      {
        path: '/emails',
        headers: { authorization: `Bearer ${secret}` },
        body: {
          from: '"The \\"Shop\\"" <shop@example.org>',
          reply_to: ['help@example.org'],
          headers: { 'Message-ID': '<0123456789abcdef@example.org>', 'List-Unsubscribe': '<https://example.org/u>' },
          tags: [{ name: 'order', value: '42' }],
        },
      },
    ]);
    expect(api.requests[0]?.body['attachments']).toEqual([
      { filename: 'a.txt', content: 'SGk=', content_type: 'text/plain' },
      { filename: 'logo.png', content: 'SGk=', content_type: 'image/png', content_id: 'logo' },
      { filename: 'invite.ics', content: 'QkVHSU46VkNBTEVOREFS', content_type: 'text/calendar; charset=utf-8; method=REQUEST' },
    ]);
  });

  test.each([
    ['transactional', 'outbound'],
    ['bulk', 'broadcast'],
  ] as const)('to Postmark is what its documentation asks for, with a message stream for %s', async (category, stream) => {
    const api = using(await startMailApi({ status: 200, body: { ErrorCode: 0, MessageID: 'x' } }));
    await senderFor(`postmark://${secret}@?endpoint=${encodeURIComponent(api.url)}`).send({ ...full, category }, freely());
    expect(api.requests).toMatchObject([
      {
        path: '/email',
        headers: { 'x-postmark-server-token': secret },
        body: { From: '"The \\"Shop\\"" <shop@example.org>', To: 'ada@example.com', MessageStream: stream, Metadata: { order: '42' } },
      },
    ]);
    expect(api.requests[0]?.body['Headers']).toContainEqual({ Name: 'Message-ID', Value: '<0123456789abcdef@example.org>' });
    expect(api.requests[0]?.body['Attachments']).toContainEqual({
      Name: 'logo.png',
      Content: 'SGk=',
      ContentType: 'image/png',
      ContentID: 'cid:logo',
    });
  });

  test('to SES is the message as it stands, signed, without the secret', async () => {
    const api = using(await startMailApi({ status: 200, body: { MessageId: 'x' } }));
    const provider = `ses://AKIAEXAMPLE:${secret}@eu-west-1?configurationSet=ours&endpoint=${encodeURIComponent(api.url)}`;
    await senderFor(provider).send(messageFor(), freely());
    const [request] = api.requests;
    expect(request).toMatchObject({ path: '/v2/email/outbound-emails', body: { ConfigurationSetName: 'ours' } });
    expect(request?.headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE\//);
    const { Raw } = request?.body['Content'] as { Raw: { Data: string } };
    expect(Buffer.from(Raw.Data, 'base64').equals(await messageBytes(messageFor()))).toBe(true);
    expect(JSON.stringify(request)).not.toContain(secret);
  });

  test('to nobody by a dry run: an id and a size are logged', async () => {
    const logged: object[] = [];
    const beforeContent: string[] = [];
    const options = { ...freely(), beforeContent: (provider: string) => Promise.resolve(void beforeContent.push(provider)) };
    const sender = senderFor('log:', { log: (facts) => logged.push(facts) });
    expect(await sender.send(messageFor(), options)).toEqual({ response: 'dry run', provider: 'main' });
    expect(beforeContent).toEqual(['main']);
    const { length: bytes } = await messageBytes(messageFor());
    expect(logged).toEqual([{ provider: 'main', messageId: '<0123456789abcdef@example.org>', bytes }]);
  });

  test('to an address that is not public is nothing, unless the operator allows it', async () => {
    const api = using(await startMailApi({ status: 200 }));
    const sender = senderFor(`resend://${secret}@?endpoint=${encodeURIComponent(api.url)}`, { fetch: createGuardedFetch() });
    expect(await failureOf(sender.send(messageFor(), freely()))).toMatchObject({ code: 'mail_configuration' });
    expect(api.requests).toEqual([]);
  });
});
