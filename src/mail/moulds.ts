import { foldLines } from 'nodemailer/lib/mime-funcs';
import MimeNode from 'nodemailer/lib/mime-node';
import { randomBytes } from 'node:crypto';
import { text as textOf } from 'node:stream/consumers';

import type { OutgoingMessage } from '../../activities/mail-ports.ts';
import { boundaryOf, composeMail, envelopeOf, headerOf, isForUtf8, shownIn } from './compose.ts';

/** Batches at work at once, and some more. */
const kept = 8;
/** Of text and HTML, in characters: bounds the memory. */
const longest = 200_000;

/** Stands in a mould for what is each recipient's own. Nobody can write it: it is drawn anew by each process. */
const mark = (name: string) => `${name}${randomBytes(12).toString('hex')}`;
const slots = { to: mark('to'), messageId: mark('id'), boundary: mark('boundary'), link: mark('link') };
const toLine = `To: ${slots.to}@example.com`;
const idLine = `Message-ID: <${slots.messageId}@example.com>`;
const everySlot = new RegExp(`(${[toLine, idLine, slots.boundary, slots.link].join('|')})`);

/** Encodes values of headers, as it would those of its own. */
const encoder = new MimeNode('');

/** What all messages of one mould have in common. */
type Sameness = readonly (string | number | boolean | undefined)[];
/** Texts, and between them the slots. */
type Mould = readonly string[];

export interface Moulds {
  /**
   * The bytes that `composeMail` would give, for messages like one before: what they have in common is composed once.
   * @returns undefined: it is to be composed; there is none like it yet, or it has attachments.
   * @throws as `composeMail`.
   */
  fill(message: OutgoingMessage): Promise<Buffer | undefined>;
}

const isLink = (name: string) => /^list-unsubscribe$/i.test(name);

/** With slots for all that a mould leaves open. */
function masked(message: OutgoingMessage): OutgoingMessage {
  const { headers } = message;
  return {
    ...{ ...message, to: [{ address: `${slots.to}@example.com` }], messageId: `<${slots.messageId}@example.com>` },
    ...(headers && { headers: headers.map(([name, value]) => [name, isLink(name) ? slots.link : value]) }),
  };
}

function samenessOf(message: OutgoingMessage): Sameness {
  const { from, subject, text, html, date, category, cc, replyTo, calendar } = message;
  const rest = JSON.stringify([from, cc, replyTo, calendar, masked(message).headers]);
  return [subject, text, html, date.getTime(), category, isForUtf8(message), rest];
}

async function mouldOf(message: OutgoingMessage): Promise<Mould> {
  return (await textOf(composeMail(masked(message), slots.boundary))).split(everySlot);
}

function filled(mould: Mould, message: OutgoingMessage): Buffer {
  const { to, messageId, headers = [] } = message;
  const [, link = ''] = headers.find(([name]) => isLink(name)) ?? [];
  const own: Record<string, string> = {
    [toLine]: foldLines(`To: ${encoder.encodeHeaderValue('To', to.map(shownIn(message)))}`, 76),
    [idLine]: foldLines(`Message-ID: ${encoder.encodeHeaderValue('Message-ID', messageId)}`, 76),
    [slots.boundary]: boundaryOf(message),
    [slots.link]: headerOf('List-Unsubscribe', link).value,
  };
  return Buffer.from(mould.map((piece, index) => (index % 2 === 0 ? piece : (own[piece] ?? piece))).join(''));
}

export function createMoulds(): Moulds {
  /** Those that were of use last come first. */
  const known: { sameness: Sameness; mould?: Promise<Mould | undefined> }[] = [];

  return {
    async fill(message) {
      const { text = '', html = '', to, attachments = [] } = message;
      if (attachments.length > 0 || to.length === 0 || text.length + html.length > longest) return undefined;
      envelopeOf(message);
      const sameness = samenessOf(message);
      const place = known.findIndex((one) => one.sameness.every((value, index) => value === sameness[index]));
      const [like] = place < 0 ? [] : known.splice(place, 1);
      known.unshift(like ?? { sameness });
      known.length = Math.min(known.length, kept);
      // Worth a mould only if there is another one like it.
      if (like === undefined) return undefined;
      // What can't be composed is told by who composes it for itself.
      like.mould ??= mouldOf(message).catch(() => undefined);
      const mould = await like.mould;
      return mould && filled(mould, message);
    },
  };
}
