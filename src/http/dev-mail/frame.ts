import type { CaughtAttachment } from './caught-mail.ts';

/**
 * Of the message's own HTML, in its frame: an origin of its own, no scripts, no forms, nothing that is fetched. `sandbox` holds
 * when somebody opens the address by itself, too.
 */
export const framePolicy = [
  'sandbox',
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  'font-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ');

const maxHtml = 2_000_000;
/** Of all pictures that are put into a page, in characters of base 64. */
const maxPictures = 30_000_000;
const pictureTypes = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp', 'image/svg+xml']);

/** RFC 2392: a picture that came with the message. */
function withPictures(html: string, attachments: readonly CaughtAttachment[]): string {
  const pictures = new Map<string, CaughtAttachment>();
  for (const part of attachments)
    if (part.contentId !== undefined && pictureTypes.has(part.contentType) && !pictures.has(part.contentId))
      pictures.set(part.contentId, part);
  if (pictures.size === 0) return html;
  let left = maxPictures;
  return html.replace(/(["'(=]\s*)cid:([^"'\s)>]{1,998})/gi, (reference: string, before: string, id: string) => {
    const picture = pictures.get(id) ?? pictures.get(decoded(id));
    if (picture === undefined) return reference;
    left -= (picture.content.length * 4) / 3;
    if (left < 0) return reference;
    return `${before}data:${picture.contentType};base64,${Buffer.from(picture.content).toString('base64')}`;
  });
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

/** For these Chromium opens a connection before it asks the policy, which then refuses the request. */
const eager = /<(?=(?:link|iframe|frame|object|embed)(?:[\s/>]|$))/gi;

/** A document for the frame. */
export function frameDocument(html: string, attachments: readonly CaughtAttachment[]): string {
  return withPictures(html.slice(0, maxHtml).replace(eager, '<x-'), attachments);
}

/** Where the links of a message lead, each once, in their order. */
export function linksOf(html: string): string[] {
  const links = new Set<string>();
  for (const [, quoted, single, bare] of html
    .slice(0, maxHtml)
    .matchAll(/<a\s[^<>]*?href\s*=\s*(?:"([^"<>]{1,2000})"|'([^'<>]{1,2000})'|([^\s"'<>]{1,2000}))/gi)) {
    const target = (quoted ?? single ?? bare ?? '').replaceAll('&amp;', '&').trim();
    if (/^(?:https?:\/\/|mailto:)/i.test(target)) links.add(target);
    if (links.size === 100) break;
  }
  return [...links];
}
