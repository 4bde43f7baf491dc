import { TokenKind, Tokenizer } from 'liquidjs';

/** Markup in which each piece of Liquid is a word of its own, that neither MJML nor a CSS inliner touches. */
export interface HiddenLiquid {
  markup: string;
  /** In what was made of it. */
  restore(markup: string): string;
  /** Pieces that are not in what was made of it. */
  lost(markup: string): { line: number; piece: string }[];
  /** Whether a text names a piece. */
  has(text: string): boolean;
}

/** A word that is nowhere in the source. */
function unusedWord(source: string): string {
  let word = 'qlq';
  while (source.includes(word)) word += 'x';
  return word;
}

/** Comments, what is kept as it is, and tags; the rest is text. */
const notText = /<!--[\s\S]*?-->|<(mj-style|mj-title|mj-preview|style|title)\b[\s\S]*?<\/\1\s*>|<\/?[a-z](?:[^>"']|"[^"]*"|'[^']*')*>/gi;

/** MJML leaves out text between its elements, but no comments. */
function commented(markup: string, tag: RegExp): string {
  let [text, at] = ['', 0];
  for (const { 0: kept, index } of markup.matchAll(notText)) {
    text += markup.slice(at, index).replace(tag, '<!--$&-->') + kept;
    at = index + kept.length;
  }
  return text + markup.slice(at).replace(tag, '<!--$&-->');
}

/** @throws as Liquid. */
export function hideLiquid(source: string, { between }: { between: 'as text' | 'as comments' }): HiddenLiquid {
  const word = unusedWord(source);
  const pieces: { text: string; begin: number }[] = [];
  let [markup, at] = ['', 0];
  for (const { kind, begin, end } of new Tokenizer(source).readTopLevelTokens()) {
    if (kind !== TokenKind.Output && kind !== TokenKind.Tag) continue;
    markup += `${source.slice(at, begin)}${word}${kind === TokenKind.Tag ? 't' : 'o'}${String(pieces.length)}q`;
    pieces.push({ text: source.slice(begin, end), begin });
    at = end;
  }
  markup += source.slice(at);
  // As name of an attribute it gets a value.
  const hidden = new RegExp(`<!--${word}t(\\d+)q-->|${word}[to](\\d+)q(?:="")?`, 'gi');
  const numberOf = ([, inComment, bare]: readonly (string | undefined)[]) => Number(inComment ?? bare);
  return {
    markup: between === 'as comments' ? commented(markup, new RegExp(`${word}t\\d+q`, 'g')) : markup,
    restore: (made) => made.replace(hidden, (...match) => pieces[numberOf(match as string[])]?.text ?? ''),
    lost(made) {
      const found = new Set([...made.matchAll(hidden)].map(numberOf));
      return pieces.flatMap(({ text, begin }, number) =>
        found.has(number) ? [] : [{ piece: text.slice(0, 80), line: source.slice(0, begin).split('\n').length }],
      );
    },
    has: (text) => text.includes(word),
  };
}
