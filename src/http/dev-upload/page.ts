import { html } from '../html.ts';

/** Pictures come from the API; a name or a text of theirs is text in the page, and nothing else. */
export const pagePolicy = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "form-action 'none'",
  // Neither of these falls back to default-src (CSP level 3, 6.3 and 6.4).
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const exampleRequest = JSON.stringify(
  {
    variants: [
      { name: 'thumb', width: 240, height: 240, fit: 'cover', position: 'attention', format: 'webp' },
      { name: 'wide', width: 1200, format: 'jpeg' },
    ],
  },
  null,
  2,
);

export const uploadPage = html`<!doctype html>
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>Uploads</title>
      <link rel="icon" href="data:," />
      <link rel="stylesheet" href="/dev/upload/style.css" />
      <script src="/dev/upload/tus.js" defer></script>
      <script src="/dev/upload/page.js" defer></script>
    </head>
    <body>
      <header class="top">
        <a href="/dev/upload">Handoff <span>uploads</span></a>
      </header>
      <main>
        <h1>Try an upload</h1>
        <noscript><p class="problem">This page needs JavaScript.</p></noscript>
        <details id="settings">
          <summary>Key and request</summary>
          <label for="key">API key, as <code>npm start</code> shows it; it stays in this tab</label>
          <input id="key" type="password" autocomplete="off" spellcheck="false" />
          <label for="request">Request: variants, or a preset</label>
          <textarea id="request" rows="12" spellcheck="false">${exampleRequest}</textarea>
          <p id="request-problem" class="problem" role="alert"></p>
        </details>
        <label id="drop" for="files">
          <strong>Drop files here</strong>
          <span>or choose some. A file that was interrupted goes on where it stopped.</span>
          <input id="files" type="file" multiple />
        </label>
        <ol id="uploads" aria-label="Uploads"></ol>
      </main>
    </body>
  </html> `.markup;
