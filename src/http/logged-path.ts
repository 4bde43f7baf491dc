/** Segments that are names of ours. */
const words = new Set(['', 'v1']);

/** Ids of ours tell nobody anything; they end the search for a request in the log. */
const id = /^(?:[a-z]+_[a-z2-7]{26}|key_[0-9a-f]{26})$/;

/** Notes the names in the pattern of a path that is served. */
export function noteWords(pattern: string): void {
  for (const segment of pattern.split('/')) if (!segment.startsWith(':')) words.add(segment);
}

/** A path with nothing in it that a caller could have chosen: names and ids of ours stay, anything else becomes `…`. */
export function loggedPath(path: string): string {
  return path
    .split('/')
    .slice(0, 8)
    .map((segment) => (words.has(segment) || id.test(segment) ? segment : '…'))
    .join('/');
}
