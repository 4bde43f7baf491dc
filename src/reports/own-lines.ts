import bidiFactory from 'bidi-js';

/** A piece of a line in the order of the page. A word that runs from right to left is in its own order: the font turns it. */
export type Pieces = string[];

const bidi = bidiFactory();
const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
/** Characters that say how text runs, and are not drawn. */
const directions = /[\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]/g;
const letter = /[\p{L}\p{M}]/u;

/** Whether a text must be put into lines here: PDF knows no direction of text. */
export const runsBackwards = (text: string): boolean => rightToLeft.test(text);

/** Whether its first letter runs from right to left, so that it stands at the right. */
export const beginsBackwards = (text: string): boolean => {
  const first = /\p{L}/u.exec(text)?.[0];
  return first !== undefined && rightToLeft.test(first);
};

/** The lines of a text, no wider than `room`, each in the order of the page. */
export function ownLines(text: string, room: number, width: (text: string) => number): Pieces[] {
  return text.split('\n').flatMap((paragraph) => linesOf(paragraph, room, width));
}

function linesOf(paragraph: string, room: number, width: (text: string) => number): Pieces[] {
  if (paragraph === '') return [[' ']];
  const levels = bidi.getEmbeddingLevels(paragraph);
  return broken(paragraph, room, width).map(([start, end]) => {
    const order = Array.from({ length: end - start }, (_, index) => start + index);
    for (const [from, to] of bidi.getReorderSegments(paragraph, levels, start, end - 1)) {
      const reversed = order.slice(from - start, to - start + 1).reverse();
      order.splice(from - start, reversed.length, ...reversed);
    }
    return piecesOf(paragraph, order, levels.levels);
  });
}

/** Beginnings and ends of lines; a word wider than a line is cut between characters. */
function broken(text: string, room: number, width: (text: string) => number): [number, number][] {
  const lines: [number, number][] = [];
  let start = 0;
  let end = 0;
  for (const { 0: word, index } of text.matchAll(/\S+\s*|\s+/g)) {
    const after = index + word.length;
    if (end > start && width(text.slice(start, after).trimEnd()) > room) {
      lines.push([start, end]);
      start = index;
    }
    end = after;
    while (width(text.slice(start, end).trimEnd()) > room) {
      const fitting = charactersWithin(text.slice(start, end), room, width);
      if (fitting >= end - start) break;
      lines.push([start, start + fitting]);
      start += fitting;
    }
  }
  if (end > start) lines.push([start, end]);
  return lines;
}

/** At least one. */
function charactersWithin(text: string, room: number, width: (text: string) => number): number {
  let length = 0;
  let taken = 0;
  for (const character of text) {
    taken += width(character);
    if (length > 0 && taken > room) break;
    length += character.length;
  }
  return length;
}

const turned = (piece: string) =>
  Array.from(piece, (one) => bidi.getMirroredCharacter(one) ?? one)
    .reverse()
    .join('');

/** Words of one direction, as they follow one another on the page. */
function piecesOf(text: string, order: number[], levels: Uint8Array): Pieces {
  const pieces: Pieces = [];
  let word: number[] = [];
  const finish = () => {
    const [at] = word;
    if (at === undefined) return;
    const backwards = ((levels[at] ?? 0) & 1) === 1;
    const characters = (backwards ? [...word].sort((one, two) => one - two) : word).map((index) => text[index] ?? '');
    const piece = characters.join('').replaceAll(directions, '');
    // Without a letter the font does not know that it is to turn it, and its brackets.
    pieces.push(backwards && !letter.test(piece) ? turned(piece) : piece);
    word = [];
  };
  for (const index of order) {
    const last = word.at(-1);
    const space = text[index] === ' ';
    const neighbours = last !== undefined && Math.abs(last - index) === 1 && levels[last] === levels[index] && text[last] !== ' ' && !space;
    if (!neighbours) finish();
    word.push(index);
  }
  finish();
  return pieces.filter((piece) => piece !== '');
}
