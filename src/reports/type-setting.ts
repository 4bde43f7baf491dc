import type { FontFamily } from './fonts.ts';

/** Text in one font. */
export interface Run {
  text: string;
  font: string;
}

export interface TypeSetter {
  /** The first one, which is that of all text whose font is not said. */
  font: string;
  /** What is shown of a text: lines end in LF, and what no font has is the replacement character, and counted. */
  shown: (text: string) => string;
  /** A text of one font comes back as it is. It must have been through `shown`. */
  runs: (text: string) => Run[];
  /** Of one line, in thousandths of the font size. Nearly: pairs of letters are not drawn together. */
  width: (text: string, bold?: boolean) => number;
  /** What could not be shown, by code point. */
  missing: ReadonlyMap<number, number>;
}

const ascii = /^[\x20-\x7e]*$/;
/** Without a form of their own. Left out where a font does not have them, but the soft hyphen, which would be drawn, always. */
const invisible = /\p{Default_Ignorable_Code_Point}/u;
/** Go with the character before. */
const clinging = /[\p{M}\p{Emoji_Modifier}\u200d\ufe0e\ufe0f]/u;
/** Some fonts draw nothing for them. */
const control = /\p{Cc}/u;
const lineEnds = /\r\n|[\r\u0085\u2028\u2029]/g;
const replacement = 0xfffd;

/** Chooses the font of each character: the first that has it, unless the one of the character before has it, too, and they go together. */
export function createTypeSetter(families: readonly FontFamily[]): TypeSetter {
  const [first] = families;
  if (first === undefined) throw new Error('There is no font');
  const chosen = new Map<number, FontFamily | undefined>();
  const missing = new Map<number, number>();
  const advanceOf = (codePoint: number, bold: boolean) => (familyFor(codePoint) ?? first).advance(codePoint, bold);
  /** Of the characters of ASCII, which most texts are made of. */
  const narrow = [false, true].map((bold) =>
    Array.from({ length: 127 }, (_, codePoint) => (codePoint < 32 ? 0 : advanceOf(codePoint, bold))),
  );

  function familyFor(codePoint: number): FontFamily | undefined {
    if (chosen.has(codePoint)) return chosen.get(codePoint);
    const family = families.find(({ has }) => has(codePoint));
    chosen.set(codePoint, family);
    return family;
  }

  function shownCharacter(character: string): string {
    if (character === '\n') return character;
    if (character === '\t') return '    ';
    const codePoint = character.codePointAt(0) ?? 0;
    if (codePoint === 0xad) return '';
    if (familyFor(codePoint) !== undefined && !control.test(character)) return character;
    if (invisible.test(character)) return '';
    missing.set(codePoint, (missing.get(codePoint) ?? 0) + 1);
    return String.fromCodePoint(replacement);
  }

  return {
    font: first.name,
    missing,
    shown(text) {
      if (ascii.test(text)) return text;
      return Array.from(text.replaceAll(lineEnds, '\n'), shownCharacter).join('');
    },
    runs(text) {
      if (ascii.test(text)) return [{ text, font: first.name }];
      const runs: Run[] = [];
      let family: FontFamily | undefined;
      for (const character of text) {
        const codePoint = character.codePointAt(0) ?? 0;
        const stays = family !== undefined && (character === '\n' || (clinging.test(character) && family.has(codePoint)));
        const next = stays ? family : (familyFor(codePoint) ?? first);
        const last = runs.at(-1);
        if (last !== undefined && next === family) last.text += character;
        else runs.push({ text: character, font: (next ?? first).name });
        family = next;
      }
      return runs;
    },
    width(text, bold = false) {
      const known = narrow[bold ? 1 : 0] ?? [];
      let width = 0;
      if (ascii.test(text)) for (let at = 0; at < text.length; at++) width += known[text.charCodeAt(at)] ?? 0;
      else for (const character of text) width += advanceOf(character.codePointAt(0) ?? 0, bold);
      return width;
    },
  };
}

/** For readers: how many characters are not there, and which. */
export function missingNote(missing: ReadonlyMap<number, number>): string | undefined {
  if (missing.size === 0) return undefined;
  const total = [...missing.values()].reduce((sum, times) => sum + times, 0);
  const codes = [...missing.keys()].sort((one, two) => one - two).map((code) => `U+${code.toString(16).toUpperCase().padStart(4, '0')}`);
  const named = codes.slice(0, 20).join(', ') + (codes.length > 20 ? ` and ${String(codes.length - 20)} more` : '');
  return `${String(total)} ${total === 1 ? 'character' : 'characters'} could not be shown, as no font has them: ${named}.`;
}
