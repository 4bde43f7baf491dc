import { describe, expect, test } from '@jest/globals';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import type { OutgoingMessage } from '../../../activities/mail-ports.ts';
import { composeMail } from '../../../src/mail/compose.ts';
import { createMoulds } from '../../../src/mail/moulds.ts';
import { outgoing } from '../../support/mail-server.ts';

const html = '<p>Grüße, <b>all</b>.</p>\n<p>.</p>';
/** What a batch may have in common. */
const shapes: [name: string, Partial<OutgoingMessage>][] = [
  ['text', { text: 'Hi\n.\r\n..\rbye' }],
  [
    'text and HTML',
    { html, subject: 'Grüße — 北京, a subject that is longer than one line of a header could ever be, so that it is folded' },
  ],
  ['HTML alone', { html, subject: '' }],
  [
    'everything but files',
    {
      ...{ html, cc: [{ name: 'Carol, Ltd.', address: 'carol@example.com' }], replyTo: [{ address: 'help@example.org' }] },
      calendar: { method: 'REQUEST', content: 'BEGIN:VCALENDAR\nSUMMARY:Grüße\nEND:VCALENDAR\n' },
      headers: [
        ['X-Order', '42 ø'],
        ['References', '<a@example.com> <b@example.com>'],
        ['List-Unsubscribe', '<https://example.org/none>'],
        ['List-Unsubscribe-Post', 'List-Unsubscribe=One-Click'],
      ],
    },
  ],
];
/** And what is each recipient's own. */
const own: Partial<OutgoingMessage>[] = [
  { recipient: 'ada@example.com', to: [{ name: 'Ada Łovelace', address: 'ada@example.com' }] },
  {
    recipient: 'bob@Example.COM',
    to: [{ name: 'The "Shop", Ltd.', address: 'bob@Example.COM' }],
    messageId: `<a@${'long.'.repeat(20)}example.org>`,
  },
  { recipient: 'all@example.com', to: Array.from({ length: 9 }, (_, index) => ({ address: `someone-${String(index)}@example.com` })) },
  { recipient: 'jürgen@example.com', to: [{ name: 'Jürgen', address: 'jürgen@example.com' }] },
  { recipient: 'ada@example.com', to: [{ address: 'jürgen@example.com' }] },
];

describe('a message like one before', () => {
  test.each(shapes)('is byte for byte the message as it is composed alone: %s', async (_name, shape) => {
    const moulds = createMoulds();
    const both: [filled: string | undefined, alone: string][] = [];
    for (const round of [0, 1]) {
      for (const [index, changes] of own.entries()) {
        const headers = shape.headers?.map(([name, value]): [string, string] => [
          name,
          name === 'List-Unsubscribe' ? `<https://example.org/${'u'.repeat(60 * index)}>` : value,
        ]);
        const message = outgoing({ messageId: `<m${String(index)}@example.org>`, ...shape, ...changes, ...(headers && { headers }) });
        const filled = await moulds.fill(message);
        if (round === 1) both.push([filled?.toString(), (await buffer(composeMail(message))).toString()]);
      }
    }
    expect(both).toHaveLength(own.length);
    for (const [filled, alone] of both) expect(filled).toBe(alone);
  });

  test('has nothing of another one: each difference beyond the recipient makes it one of its own', async () => {
    const moulds = createMoulds();
    const message = outgoing({ html, headers: [['X-Order', '1']] });
    await moulds.fill(message);
    expect(await moulds.fill(message)).toBeDefined();
    const changes: Partial<OutgoingMessage>[] = [
      ...[{ subject: 'Other' }, { text: 'Other' }, { html: '<p>Other</p>' }, { date: new Date(0) }, { from: { address: 'x@example.org' } }],
      ...[{ headers: [['X-Order', '2']] as [string, string][] }, { cc: [{ address: 'carol@example.com' }] }],
      { calendar: { method: 'CANCEL', content: 'BEGIN:VCALENDAR\nEND:VCALENDAR\n' } },
    ];
    for (const change of changes) {
      expect(await moulds.fill({ ...message, ...change })).toBeUndefined();
      expect(await moulds.fill(message)).toBeDefined();
    }
  });

  test('is composed for itself when it has files, and refused like any other when an address is none', async () => {
    const moulds = createMoulds();
    const file = { name: 'a.txt', contentType: 'text/plain', size: 1, open: () => Readable.from(['a']) };
    for (let round = 0; round < 3; round += 1) expect(await moulds.fill(outgoing({ attachments: [file] }))).toBeUndefined();
    for (let round = 0; round < 3; round += 1)
      await expect(moulds.fill(outgoing({ to: [{ address: 'ada@example.com, eve@example.com' }] }))).rejects.toMatchObject({
        code: 'mail_rejected',
      });
  });
});
