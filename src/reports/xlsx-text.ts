/** What XML 1.0 forbids or reads as something else (CR), and an underscore that a reader would take for an escape. */
// eslint-disable-next-line no-control-regex -- the control characters are the point
const special = /[&<>"\u0000-\u0008\u000b-\u001f\ud800-\udfff\ufffe\uffff]|_(?=x[\dA-Fa-f]{4})/gu;
const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** ST_Xstring of ECMA-376 part 1, 22.9.2.19: a UTF-16 unit that XML can't hold is `_xHHHH_`. */
export function escapeText(text: string): string {
  return text.replace(special, (found) => entities[found] ?? `_x${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`);
}

/** OWASP, CSV Injection and ASVS 1.2.10: what a spreadsheet would take for a formula were it typed in, full-width forms included. */
// eslint-disable-next-line no-control-regex -- the control characters are the point
export const looksLikeFormula = /^[=+\-@\u0000\t\n\r\uff1d\uff0b\uff0d\uff20]/;
