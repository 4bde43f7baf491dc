import { html, type Html } from '../html.ts';

/** Of our pages: what a message brings is text in them, and nothing else. */
export const pagePolicy = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  // A link within the framed message leads nowhere else.
  "frame-src 'self'",
  "form-action 'self'",
  // Neither of these falls back to default-src (CSP level 3, 6.3 and 6.4).
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export interface Page {
  title: string;
  main: Html;
  /** Looks for new mail: with a script, or by loading itself again. */
  live?: boolean;
}

const watching = html`<script src="/dev/mail/live.js" defer></script>
  <noscript><meta http-equiv="refresh" content="10" /></noscript>`;

export function page({ title, main, live = false }: Page): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/dev/mail/style.css" />
        ${live && watching}
      </head>
      <body>
        <header class="top">
          <a href="/dev/mail">Handoff <span>caught mail</span></a>
        </header>
        <main>${main}</main>
      </body>
    </html> `.markup;
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

/** In the time of this machine, which is that of its only reader. */
export function time(at: Date): Html {
  const today = day.format(at) === day.format(new Date());
  const text = today ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`;
  return html`<time datetime="${at.toISOString()}">${text}</time>`;
}

export function size(bytes: number): string {
  if (bytes < 1_000) return `${String(bytes)} bytes`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** Text of a message: at most so many characters, and whichever way it is written, it turns nothing round that stands beside it. */
export function foreign(text: string, limit = 500): Html {
  return html`<bdi>${text.length > limit ? `${text.slice(0, limit)}…` : text}</bdi>`;
}
