/**
 * Content Security Policy of every answer but the page at /docs: should a browser show it, it runs, loads, embeds and sends nothing.
 * The last three don't fall back to `default-src` (CSP level 3, 6.3 and 6.4).
 */
export const nothingRuns = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
