// The package has no types of its own. Only what is used.
declare module 'html-to-text' {
  export interface HtmlToTextOptions {
    wordwrap?: number | false;
    /** In characters, levels and elements. */
    limits?: { maxInputLength?: number; maxDepth?: number; maxChildNodes?: number; ellipsis?: string };
    selectors?: { selector: string; format?: string; options?: Record<string, unknown> }[];
  }
  export function convert(html: string, options?: HtmlToTextOptions): string;
}
