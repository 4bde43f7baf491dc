/** "Excel specifications and limits" in Microsoft's documentation: of a sheet. */
const maxLinks = 65_530;
/** Of an address. */
const maxLength = 2_079;
/** What is kept for the end of a sheet, in characters. */
const maxKept = 8 * 1024 * 1024;

/** The links of one sheet; what is beyond its limits stays text. */
export function sheetLinks() {
  const [references, urls]: [string[], string[]] = [[], []];
  let kept = 0;
  let full = false;
  return {
    references,
    urls,
    /** @returns whether the cell becomes a link: only to the web and to mail addresses */
    add: (reference: string, text: string): boolean => {
      const url = addressOf(text);
      if (url === undefined) return false;
      full ||= urls.length === maxLinks || kept + url.length > maxKept;
      if (full) return false;
      kept += url.length;
      references.push(reference);
      urls.push(url);
      return true;
    },
    /** What the sheet says about it. */
    note: () =>
      full
        ? `Only the first ${String(urls.length)} links of this sheet can be followed: a sheet holds no more. The others are text.`
        : undefined,
  };
}

export type SheetLinks = ReturnType<typeof sheetLinks>;

/** Escaped as it has to be, for http, https and mailto. */
export function addressOf(text: string): string | undefined {
  if (!/^(https?:\/\/|mailto:)/i.test(text) || text.length > maxLength || !URL.canParse(text)) return undefined;
  const { href } = new URL(text);
  return href.length > maxLength ? undefined : href;
}
