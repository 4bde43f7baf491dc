import { convert } from 'html-to-text';

import type { OutgoingMessage } from '../../activities/mail-ports.ts';

/** Of HTML that is read, in characters: much more takes seconds, and nobody reads it as text. */
const longest = 200_000;

const cut = (html: string) => (html.length > longest ? `${html.slice(0, longest)}…` : html);

const textOf = (html: string) =>
  convert(cut(html), {
    wordwrap: false,
    limits: { maxDepth: 100, maxChildNodes: 10_000, ellipsis: '…' },
    selectors: [
      { selector: 'img', format: 'skip' },
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
      { selector: 'a', options: { hideLinkHrefIfSameAsText: true, ignoreHref: false, noAnchorUrl: true } },
    ],
  });

/** The text of a message, made from its HTML where it has none: the same HTML gives the same text. */
export function textPart({ text, html }: Pick<OutgoingMessage, 'text' | 'html'>): string | undefined {
  return text ?? (html === undefined ? undefined : textOf(html));
}
