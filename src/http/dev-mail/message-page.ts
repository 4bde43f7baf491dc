import type { CaughtMessage } from './caught-mail.ts';
import { linksOf } from './frame.ts';
import { html, type Html } from '../html.ts';
import { foreign, page, size, time } from './page.ts';

const shownCharacters = 500_000;
const shownRows = 300;

export const views = ['html', 'text', 'attachments', 'headers', 'source'] as const;
export type View = (typeof views)[number];

export function preferredView(message: CaughtMessage): View {
  if (message.html !== undefined) return 'html';
  return message.text === undefined ? 'source' : 'text';
}

function plain(text: string, id: string, whole: string): Html {
  const cut = text.length > shownCharacters;
  return html`<pre tabindex="0" role="region" aria-label="${id}">${text.slice(0, shownCharacters)}</pre>
    ${cut && html`<p class="note">Only the beginning is shown. <a href="${whole}">Download the whole message.</a></p>`}`;
}

function framed({ id, html: source = '' }: CaughtMessage): Html {
  const links = linksOf(source);
  return html`<fieldset class="widths">
      <legend class="hidden">Width of the message</legend>
      <label><input type="radio" name="width" value="full" checked /> Full width</label>
      <label><input type="radio" name="width" value="tablet" /> 768 px</label>
      <label><input type="radio" name="width" value="phone" /> 375 px</label>
    </fieldset>
    <div class="frame">
      <iframe sandbox="" referrerpolicy="no-referrer" src="/dev/mail/${id}/frame" title="HTML of the message"></iframe>
    </div>
    <p class="note">Nothing in it runs, and nothing is fetched from elsewhere: remote pictures stay away.</p>
    ${
      links.length > 0 &&
      html`<details class="links">
        <summary>Links (${links.length})</summary>
        <ul>
          ${links.map((link) => html`<li><a href="${link}" target="_blank" rel="noopener noreferrer">${foreign(link)}</a></li>`)}
        </ul>
      </details>`
    }`;
}

function attached({ id, attachments }: CaughtMessage): Html {
  if (attachments.length === 0) return html`<p class="empty">Nothing is attached.</p>`;
  const hidden = attachments.length - shownRows;
  return html`<ul class="attachments">
      ${attachments.slice(0, shownRows).map(
        ({ name, contentType, contentId, content }, index) =>
          html`<li>
            <a href="/dev/mail/${id}/attachments/${index}" download>${foreign(name, 200)}</a>
            <span>${foreign(contentType, 100)}, ${size(content.length)}${contentId !== undefined && ', shown in the HTML'}</span>
          </li>`,
      )}
    </ul>
    ${hidden > 0 && html`<p class="note">And ${hidden} more.</p>`}`;
}

function headerTable({ headers }: CaughtMessage): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Headers">
    <table>
      <thead>
        <tr>
          <th scope="col">Header</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        ${headers.slice(0, shownRows).map(
          ({ name, value }) =>
            html`<tr>
              <th scope="row">${foreign(name)}</th>
              <td>${foreign(value, 5_000)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function fact(name: string, value: string): Html | false {
  return (
    value !== '' &&
    html`<div>
      <dt>${name}</dt>
      <dd>${foreign(value, 2_000)}</dd>
    </div>`
  );
}

function facts(message: CaughtMessage): Html {
  const { from, to, cc, replyTo, returnPath, recipients, at } = message;
  return html`<dl class="facts">
    ${fact('From', from)}${fact('To', to)}${fact('Cc', cc)}${fact('Reply to', replyTo)}
    <div>
      <dt>Caught</dt>
      <dd>${time(at)}, ${size(message.size)}</dd>
    </div>
    <div class="envelope">
      <dt>Envelope</dt>
      <dd>${foreign(returnPath === '' ? '<>' : returnPath)} → ${foreign(recipients.join(', '), 2_000)}</dd>
    </div>
  </dl>`;
}

const names: Record<View, string> = { html: 'HTML', text: 'Text', attachments: 'Attachments', headers: 'Headers', source: 'Source' };

function tabs(message: CaughtMessage, current: View): Html {
  const there = views.filter((view) => (view === 'html' || view === 'text' ? message[view] !== undefined : true));
  const count = message.attachments.length;
  return html`<nav class="tabs" aria-label="Parts of the message">
    ${there.map(
      (view) =>
        html`<a href="/dev/mail/${message.id}?view=${view}" ${view === current && html` aria-current="page"`}
          >${names[view]}${view === 'attachments' && html` <span>${count}</span>`}</a
        >`,
    )}
  </nav>`;
}

function content(message: CaughtMessage, view: View, source: Buffer): Html {
  const whole = `/dev/mail/${message.id}/source`;
  switch (view) {
    case 'html':
      return message.html === undefined ? html`<p class="empty">The message has no HTML.</p>` : framed(message);
    case 'text':
      return message.text === undefined ? html`<p class="empty">The message has no text.</p>` : plain(message.text, 'Text', whole);
    case 'attachments':
      return attached(message);
    case 'headers':
      return headerTable(message);
    case 'source':
      return plain(source.subarray(0, shownCharacters + 1).toString('utf8'), 'Source', whole);
  }
}

export function messagePage(message: CaughtMessage, view: View, source: Buffer): string {
  const subject = message.subject === '' ? '(no subject)' : message.subject;
  const main = html`
    <div class="bar">
      <h1>${foreign(subject)}</h1>
      <a class="button" href="/dev/mail/${message.id}/source" download>Download</a>
      <form method="post" action="/dev/mail/${message.id}/delete"><button class="danger">Delete</button></form>
    </div>
    ${facts(message)}
    ${message.unreadable !== undefined && html`<p class="warning" role="note">Its parts are not shown. ${message.unreadable}</p>`}
    ${tabs(message, view)}
    <section class="view" aria-label="${names[view]}">${content(message, view, source)}</section>
  `;
  return page({ title: `${subject.slice(0, 200)} · Caught mail`, main });
}

export const missingPage = (): string =>
  page({
    title: 'Not there · Caught mail',
    main: html`<h1>This message is not there</h1>
      <p>It may have been deleted. <a href="/dev/mail">All caught mail</a></p>`,
  });
