const token = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g;

/**
 * Whether an object in this JSON has two members of the same name: parsers disagree which of them counts (RFC 7519, 4;
 * RFC 8259, 4). The text must be JSON.
 */
export function hasDuplicateNames(json: string): boolean {
  /** Names in the objects around the present place; a list has `undefined`. */
  const around: (Set<string> | undefined)[] = [];
  let before = '';
  for (const [part] of json.matchAll(token)) {
    if (part === '{') around.push(new Set());
    else if (part === '[') around.push(undefined);
    else if (part === '}' || part === ']') around.pop();
    else if (part.startsWith('"') && (before === '{' || before === ',')) {
      const names = around.at(-1);
      // As it is meant: "ten\u0061nt" is "tenant", too.
      const name = JSON.parse(part) as string;
      if (names?.has(name)) return true;
      names?.add(name);
    }
    before = part;
  }
  return false;
}
