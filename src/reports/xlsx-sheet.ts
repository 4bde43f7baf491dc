import { type SheetColumn } from './xlsx-columns.ts';
import { textCell } from './xlsx-cells.ts';
import { escapeText } from './xlsx-text.ts';

const xml = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const officeRels = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';

export interface SheetLook {
  columns: readonly SheetColumn[];
  widths: readonly number[];
  freezeHeader: boolean;
}

const frozen =
  '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/><selection pane="bottomLeft" activeCell="A2" sqref="A2"/>';

/** Up to and with the header; elements in the order of CT_Worksheet. Printed, all columns are on one page. */
export function sheetStart({ columns, widths, freezeHeader }: SheetLook): string {
  const cols = widths.map((width, index) => {
    const number = String(index + 1);
    return `<col min="${number}" max="${number}" width="${String(width)}" customWidth="1"/>`;
  });
  const header = columns.map(({ letters, column, headerStyle }) => `<c r="${letters}1"${textCell(column.title, headerStyle)}</c>`);
  return [
    `${xml}<worksheet xmlns="${main}" xmlns:r="${officeRels}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>`,
    `<sheetViews><sheetView workbookViewId="0">${freezeHeader ? frozen : ''}</sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/>`,
    cols.length === 0 ? '' : `<cols>${cols.join('')}</cols>`,
    `<sheetData><row r="1">${header.join('')}</row>`,
  ].join('');
}

/** @param range what the filter covers; `undefined` without one @param links cells, in the order of their relationships */
export function sheetEnd({ range, links }: { range: string | undefined; links: readonly string[] }): string {
  const hyperlinks = links.map((reference, index) => `<hyperlink ref="${reference}" r:id="rId${String(index + 1)}"/>`);
  return [
    '</sheetData>',
    range === undefined ? '' : `<autoFilter ref="${range}"/>`,
    links.length === 0 ? '' : `<hyperlinks>${hyperlinks.join('')}</hyperlinks>`,
    '<pageMargins left="0.5" right="0.5" top="0.6" bottom="0.6" header="0.3" footer="0.3"/>',
    '<pageSetup orientation="landscape" fitToWidth="1" fitToHeight="0"/>',
    '<headerFooter><oddFooter>&amp;C&amp;P / &amp;N</oddFooter></headerFooter></worksheet>',
  ].join('');
}

/** The links of a sheet, one after the other. */
export function* linkRelationships(urls: readonly string[]): Generator<string> {
  yield `${xml}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`;
  for (const [index, url] of urls.entries())
    yield `<Relationship Id="rId${String(index + 1)}" Type="${officeRels}/hyperlink" Target="${escapeText(url)}" TargetMode="External"/>`;
  yield '</Relationships>';
}
