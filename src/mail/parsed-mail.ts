import PostalMime, { type Address, type Attachment, type Email } from 'postal-mime';

/**
 * The parser takes about 10 µs and 1 kB for a line, and compares lines with every boundary so far. Base 64 of the catcher's
 * 25 MB has 340,000 lines; what goes beyond these is made to harm.
 */
const maxLines = 400_000;
const maxMultiparts = 200;
const options = { maxNestingDepth: 50, maxHeadersSize: 4 * 1024 * 1024, forceRfc822Attachments: true };

const newline = 0x0a;

function tooMuch(bytes: Buffer): string | undefined {
  let lines = 0;
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1))
    if (++lines > maxLines) return 'It has too many lines.';
  const multiparts = bytes.toString('latin1').match(/boundary/gi)?.length ?? 0;
  return multiparts > maxMultiparts ? 'It has too many parts within parts.' : undefined;
}

/** The header of a message, the empty line included; all of it where there is none. */
export function headerBytes(bytes: Buffer): Buffer {
  const ends = ['\r\n\r\n', '\n\n'].map((end) => bytes.indexOf(end)).filter((at) => at >= 0);
  return ends.length === 0 ? bytes : bytes.subarray(0, Math.min(...ends) + 4);
}

function shown(address: Address): string {
  if (address.group) return `${address.name}: ${address.group.map(shown).join(', ')};`;
  return address.name === '' ? address.address : `${address.name} <${address.address}>`;
}

const all = (addresses: readonly Address[] = []): string => addresses.map(shown).join(', ');

/** What stands in front of the message itself: see `deliveryLines`. */
function envelopeOf({ headers }: Email): { returnPath: string; recipients: string[] } {
  const bare = (value = '') => value.trim().replace(/^<(.*)>$/, '$1');
  const [first, ...others] = headers;
  const end = others.findIndex(({ key }) => key !== 'delivered-to');
  const recipients = (end < 0 ? others : others.slice(0, end)).map(({ value }) => bare(value));
  return first?.key === 'return-path' ? { returnPath: bare(first.value), recipients } : { returnPath: '', recipients: [] };
}

const parsedHeader = (header: Buffer) => PostalMime.parse(header, options).catch(() => PostalMime.parse(''));

function summaryOf(email: Email) {
  return { from: email.from ? shown(email.from) : '', subject: email.subject ?? '', recipients: envelopeOf(email).recipients };
}

export async function parsedSummary(header: Buffer) {
  return summaryOf(await parsedHeader(header));
}

function attachmentOf({ filename, mimeType, contentId, content }: Attachment, index: number) {
  return {
    name: filename ?? `part-${String(index + 1)}`,
    contentType: mimeType,
    contentId: contentId?.replace(/^<|>$/g, ''),
    content: typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content),
  };
}

/** Never throws: of a message that can not be parsed, or not within reason, there are the headers, and why. */
export async function parsedMessage(bytes: Buffer) {
  let unreadable = tooMuch(bytes);
  const whole = unreadable === undefined ? await PostalMime.parse(bytes, options).catch(() => undefined) : undefined;
  if (whole === undefined) unreadable ??= 'It is not well-formed, or nested too deeply.';
  const email = whole ?? (await parsedHeader(headerBytes(bytes.subarray(0, options.maxHeadersSize))));
  return {
    ...summaryOf(email),
    returnPath: envelopeOf(email).returnPath,
    ...{ to: all(email.to), cc: all(email.cc), replyTo: all(email.replyTo) },
    headers: email.headers.map(({ originalKey, value }) => ({ name: originalKey, value })),
    ...{ text: whole?.text, html: whole?.html },
    attachments: (whole?.attachments ?? []).map(attachmentOf),
    unreadable,
  };
}
