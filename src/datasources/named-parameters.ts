import { AppError } from '../errors.ts';
import type { Cell } from '../jobs/report-sources.ts';

/** Each with the text that a parameter can't stand in: strings, names, comments, and PostgreSQL's text between dollars. */
const pieces = {
  postgresql:
    /[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*|\$(?:[A-Za-z_]\w*)?\$|\$(?<name>[A-Za-z_]\w*)|[A-Za-z_][\w$]*/sy,
  mysql: /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`]|``)*`|--\s[^\n]*|#[^\n]*|\/\*|\$(?<name>[A-Za-z_]\w*)|[A-Za-z_][\w$]*/sy,
} as const;

/** Where a comment ends that began at `from`; in PostgreSQL they nest. */
function commentEnd(text: string, from: number, nests: boolean): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text.startsWith('/*', at) && (nests || depth === 0)) {
      depth += 1;
      at += 1;
    } else if (text.startsWith('*/', at)) {
      depth -= 1;
      at += 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}

/**
 * `$name` as the driver has it: `$1` or `?`. Values stay apart from the text; a place that is not recognised stays as it is, and is
 * then an error of the data source.
 * @throws AppError `query_invalid` when a value is missing or left over
 */
export function boundText(
  sql: string,
  parameters: Readonly<Record<string, Cell>>,
  kind: keyof typeof pieces,
): { text: string; values: Cell[] } {
  const piece = new RegExp(pieces[kind]);
  const values: Cell[] = [];
  const places = new Map<string, number>();
  const used = new Set<string>();
  let text = '';
  for (let at = 0; at < sql.length;) {
    piece.lastIndex = at;
    const found = piece.exec(sql);
    let part = found?.[0] ?? sql.charAt(at);
    if (part === '/*') part = sql.slice(at, commentEnd(sql, at, kind === 'postgresql'));
    else if (part.startsWith('$') && part.endsWith('$') && part.length > 1) {
      const end = sql.indexOf(part, at + part.length);
      part = end < 0 ? sql.slice(at) : sql.slice(at, end + part.length);
    }
    at += part.length;
    const name = found?.groups?.['name'];
    if (name === undefined) {
      text += part;
      continue;
    }
    if (!Object.hasOwn(parameters, name)) throw new AppError('query_invalid', `There is no value for the parameter $${name} of the query.`);
    used.add(name);
    const value = parameters[name] ?? null;
    if (kind !== 'postgresql') {
      values.push(value);
      text += '?';
      continue;
    }
    const place = places.get(name) ?? values.push(value);
    places.set(name, place);
    text += `$${String(place)}`;
  }
  const left = Object.keys(parameters).find((name) => !used.has(name));
  if (left !== undefined) throw new AppError('query_invalid', `The query has no parameter $${left}.`);
  return { text, values };
}
