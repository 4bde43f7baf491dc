/** Markup of ours: what is in it has been escaped. Only `html` makes it. */
class Html {
  readonly markup: string;
  constructor(markup: string) {
    this.markup = markup;
  }
}
export type { Html };

type Value = Html | readonly Html[] | string | number | false | undefined;

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;', '`': '&#96;' };

function markupOf(value: Value): string {
  if (value instanceof Html) return value.markup;
  if (typeof value === 'object') return value.map(({ markup }) => markup).join('');
  if (value === undefined || value === false) return '';
  return String(value).replace(/[&<>"'`]/g, (character) => escapes[character] ?? '');
}

/** Every value is escaped for an element's text and for an attribute in quotes; no other place may have one. */
export function html(literals: TemplateStringsArray, ...values: Value[]): Html {
  return new Html(literals.map((literal, index) => literal + markupOf(values[index])).join(''));
}
