import type { CaughtMailPage, CaughtSummary } from './caught-mail.ts';
import { html, type Html } from '../html.ts';
import { foreign, page, time } from './page.ts';

export const pageSize = 50;

export interface ListView extends CaughtMailPage {
  search: string;
  /** From 1. */
  number: number;
}

function recipientsOf({ recipients }: CaughtSummary): string {
  const [first = 'nobody', ...others] = recipients;
  return others.length === 0 ? first : `${first} and ${String(others.length)} more`;
}

const row = (message: CaughtSummary): Html =>
  html`<li>
    <a href="/dev/mail/${message.id}">${foreign(message.subject === '' ? '(no subject)' : message.subject, 200)}</a>
    <span class="from">${foreign(message.from === '' ? '(no sender)' : message.from, 200)}</span>
    <span class="to">to ${foreign(recipientsOf(message), 200)}</span>
    ${time(message.at)}
  </li>`;

const many = (count: number): string => `${String(count)} ${count === 1 ? 'message' : 'messages'}`;

function countOf({ search, found, total }: ListView): string {
  return search === '' ? many(total) : `${String(found)} of ${many(total)} found`;
}

function pages({ search, number, found }: ListView): Html | false {
  const last = Math.max(1, Math.ceil(found / pageSize));
  if (last === 1 && number === 1) return false;
  const to = (other: number) => `/dev/mail?${new URLSearchParams({ ...(search !== '' && { q: search }), page: String(other) }).toString()}`;
  return html`<nav class="pages" aria-label="Pages">
    ${number > 1 && html`<a rel="prev" href="${to(number - 1)}">Newer</a>`}
    <span>Page ${number} of ${last}</span>
    ${number < last && html`<a rel="next" href="${to(number + 1)}">Older</a>`}
  </nav>`;
}

function nothing({ search, total }: ListView): Html {
  if (search !== '' && total > 0) return html`<p class="empty">Nothing found for “${foreign(search, 100)}”.</p>`;
  return html`<p class="empty">No mail yet. What Handoff sends on this machine comes here, and goes nowhere else.</p>`;
}

const deletion = html`<details class="all">
  <summary>Delete all</summary>
  <form method="post" action="/dev/mail/delete"><button class="danger">Delete all messages, for good</button></form>
</details>`;

export function listPage(view: ListView): string {
  const main = html`
    <div class="bar">
      <h1>Caught mail</h1>
      <p id="count" role="status">${countOf(view)}</p>
      <form role="search" action="/dev/mail">
        <label class="hidden" for="q">Search in subject, sender and recipients</label>
        <input id="q" name="q" type="search" placeholder="Subject, sender, recipient" value="${view.search}" maxlength="200" />
        <button>Search</button>
      </form>
      ${view.total > 0 && deletion}
    </div>
    <div id="messages">
      ${
        view.items.length === 0
          ? nothing(view)
          : html`<ol class="messages">
              ${view.items.map(row)}
            </ol>`
      }
      ${pages(view)}
    </div>
  `;
  return page({ title: `${countOf(view)} · Caught mail`, main, live: true });
}
