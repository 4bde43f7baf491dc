import { escapeHtml } from './html-text.ts';

const style = `
:root { color-scheme: light dark; --line: #d5d9e0; --head: #eef1f5; --text: #1b1f26; --back: #fff; --link: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --line: #3a404a; --head: #262b33; --text: #e7e9ec; --back: #16191e; --link: #7db4f0; } }
body { margin: 1.5rem; background: var(--back); color: var(--text); font: 14px/1.4 system-ui, sans-serif; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption, h1 { text-align: start; font-size: 1.4rem; font-weight: 600; padding: 0 0 .75rem; margin: 0; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: start; vertical-align: top; white-space: pre-wrap; overflow-wrap: anywhere; }
thead th { background: var(--head); position: sticky; top: 0; white-space: pre; }
tfoot td, tfoot th { border-top: 2px solid var(--line); font-weight: 600; }
.r { text-align: right; white-space: pre; } .c { text-align: center; } .l { text-align: left; }
a { color: var(--link); }
/* Charts are known when the last row is: they come after the table, and stand above it. Their colours are made for a light ground. */
.charted { display: flex; flex-direction: column; } .charted > .wide { order: 1; }
figure { margin: 0 0 1.5rem; padding: .5rem; background: #fff; max-width: 60rem; border-radius: 4px; } figure svg { display: block; width: 100%; height: auto; }
figure text { font-family: inherit !important; }
@media print {
  :root { --line: #999; --head: #eee; --text: #000; --back: #fff; --link: #000; }
  body { margin: 0; font-size: 9pt; } .wide { overflow: visible; } thead th { position: static; }
  thead { display: table-header-group; } tfoot { display: table-row-group; } tr, figure { break-inside: avoid; } figure { padding: 0; }
}
`;

/** Nothing is loaded, and nothing runs: also not what a chart would bring. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** Up to and with the opening tag of the table. @param charted whether there will be charts */
export function pageStart({ title, locale, charted }: { title: string; locale: string; charted: boolean }): string {
  const text = escapeHtml(title);
  return `<!DOCTYPE html>
<html lang="${escapeHtml(locale)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${text}</title>
<style>${style}</style>
</head>
<body>
<main${charted ? ' class="charted"' : ''}>
${charted ? `<h1 id="title" dir="auto">${text}</h1>\n` : ''}<div class="wide">
<table${charted ? ' aria-labelledby="title"' : ''}>
${charted ? '' : `<caption dir="auto">${text}</caption>\n`}`;
}

/** @param charts SVG, as it is */
export function pageEnd(charts: readonly string[]): string {
  const figures = charts.map((svg) => `<figure>${svg}</figure>\n`).join('');
  return `</table>\n</div>\n${figures}</main>\n</body>\n</html>\n`;
}
