/** In UTF-16 units, as Excel counts. */
const maxLength = 31;

/**
 * Names for one sheet after the other, by Excel's rules: 1 to 31 characters, none of `: \ / ? * [ ]`, no apostrophe at
 * either end, not the reserved "History", no name twice whatever its case. Nor anything that could begin an escape of OOXML
 * (`_x000d`): readers disagree on escapes in names, and count them against the length.
 */
export function sheetNamer(title: string): () => string {
  const clean = title
    // eslint-disable-next-line no-control-regex -- the control characters are the point
    .replace(/[:\\/?*[\]\u0000-\u001f\u007f\ud800-\udfff\ufffe\uffff]+/gu, ' ')
    .replace(/_(?=x[0-9a-f]{4})/gi, '-')
    .replace(/\s+/g, ' ');
  // Readers in JavaScript that keep sheets by their name would write into what all objects have in common.
  const harmless = trimmed(clean).replace(/^__proto__$/, '_proto_');
  const base = /^history$/i.test(harmless) ? 'History_' : harmless;
  const taken = new Set<string>();
  return () => {
    for (let number = taken.size + 1; ; number++) {
      const suffix = number === 1 ? '' : ` (${String(number)})`;
      const name = (trimmed(cut(base, maxLength - suffix.length)) || 'Sheet') + suffix;
      if (taken.has(name.toLowerCase())) continue;
      taken.add(name.toLowerCase());
      return name;
    }
  };
}

function trimmed(name: string): string {
  return name.replace(/^[\s']+|[\s']+$/g, '');
}

/** Never through the middle of a surrogate pair. */
function cut(text: string, length: number): string {
  return text.slice(0, length).replace(/[\ud800-\udbff]$/, '');
}
