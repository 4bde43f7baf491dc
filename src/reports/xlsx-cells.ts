import type { Cell } from '../jobs/report.ts';

/** What XML 1.0 forbids or reads as something else (CR), and an underscore that a reader would take for an escape. */
// eslint-disable-next-line no-control-regex -- the control characters are the point
const special = /[&<>"\u0000-\u0008\u000b-\u001f\ud800-\udfff\ufffe\uffff]|_(?=x[\dA-Fa-f]{4})/gu;
const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** ST_Xstring of ECMA-376 part 1, 22.9.2.19: a UTF-16 unit that XML can't hold is `_xHHHH_`. */
export function escapeText(text: string): string {
  return text.replace(special, (found) => entities[found] ?? `_x${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`);
}

/** A, B … Z, AA …: the letters of the first `count` columns. */
export function columnLetters(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    let letters = '';
    for (let left = index + 1; left > 0; left = Math.floor((left - 1) / 26))
      letters = String.fromCharCode(65 + ((left - 1) % 26)) + letters;
    return letters;
  });
}

/**
 * One row; empty cells are left out.
 * @param number of the row within its sheet, from 1
 * @param style index into `cellXfs` of the styles part
 */
export function rowXml(cells: Cell[], number: number, letters: string[], style = 0): string {
  const row = String(number);
  const styled = style === 0 ? '' : ` s="${String(style)}"`;
  let xml = `<row r="${row}">`;
  for (let index = 0; index < cells.length; index++) {
    const cell = cells[index] ?? null;
    if (cell === null) continue;
    xml += `<c r="${letters[index] ?? ''}${row}"${styled}${content(cell)}</c>`;
  }
  return `${xml}</row>`;
}

function content(cell: string | number | boolean): string {
  if (typeof cell === 'number') return `><v>${String(cell)}</v>`;
  if (typeof cell === 'boolean') return ` t="b"><v>${cell ? '1' : '0'}</v>`;
  const space = /^\s|\s$/.test(cell) ? ' xml:space="preserve"' : '';
  return ` t="inlineStr"><is><t${space}>${escapeText(cell)}</t></is>`;
}
