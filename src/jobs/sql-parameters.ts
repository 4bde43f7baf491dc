/** Each with the text that a parameter can't stand in: strings, names, comments, and PostgreSQL's text between dollars. */
const dialects = {
  postgresql:
    /[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*|\$(?:[A-Za-z_]\w*)?\$|\$(?<name>[A-Za-z_]\w*)|[A-Za-z_][\w$]*/sy,
  mysql: /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`]|``)*`|--\s[^\n]*|#[^\n]*|\/\*|\$(?<name>[A-Za-z_]\w*)|[A-Za-z_][\w$]*/sy,
  sqlite: /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*|\$(?<name>[A-Za-z_]\w*)|[A-Za-z_][\w$]*/sy,
} as const;

export type SqlDialect = keyof typeof dialects;

export interface SqlPiece {
  text: string;
  /** The name of the parameter that it is. */
  parameter: string | undefined;
}

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

/** A text of SQL, cut into what can hold no parameter, parameters, and single signs. */
export function* sqlPieces(sql: string, dialect: SqlDialect): Generator<SqlPiece> {
  const piece = new RegExp(dialects[dialect]);
  for (let at = 0; at < sql.length;) {
    piece.lastIndex = at;
    const found = piece.exec(sql);
    let text = found?.[0] ?? sql.charAt(at);
    if (text === '/*') text = sql.slice(at, commentEnd(sql, at, dialect === 'postgresql'));
    else if (text.startsWith('$') && text.endsWith('$') && text.length > 1) {
      const end = sql.indexOf(text, at + text.length);
      text = end < 0 ? sql.slice(at) : sql.slice(at, end + text.length);
    }
    at += text.length;
    yield { text, parameter: found?.groups?.['name'] };
  }
}

export type SqlPieces = typeof sqlPieces;

export function parametersIn(sql: string, dialect: SqlDialect): Set<string> {
  return new Set(Array.from(sqlPieces(sql, dialect), ({ parameter }) => parameter).filter((name) => name !== undefined));
}

/** Those that are parameters whatever the dialect is. */
export function parametersInAny(sql: string): string[] {
  const [first = new Set<string>(), ...others] = (Object.keys(dialects) as SqlDialect[]).map((dialect) => parametersIn(sql, dialect));
  return [...first].filter((name) => others.every((names) => names.has(name)));
}
