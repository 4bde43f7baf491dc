import { escapeText } from './xlsx-cells.ts';

const xml = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const packageNs = 'http://schemas.openxmlformats.org/package/2006';
const officeRels = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const type = 'application/vnd.openxmlformats-officedocument.spreadsheetml';

export const sheetPath = (number: number) => `xl/worksheets/sheet${String(number)}.xml`;

/** Goes first, so that the first bytes tell what the file is. Sheets are the default: how many there will be is not known then. */
export const contentTypes =
  `${xml}<Types xmlns="${packageNs}/content-types">` +
  `<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
  `<Default Extension="xml" ContentType="${type}.worksheet+xml"/>` +
  `<Override PartName="/xl/workbook.xml" ContentType="${type}.sheet.main+xml"/>` +
  `<Override PartName="/xl/styles.xml" ContentType="${type}.styles+xml"/>` +
  `<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>`;

export const packageRelationships = relationships([
  `${officeRels}/officeDocument" Target="xl/workbook.xml`,
  `${packageNs}/relationships/metadata/core-properties" Target="docProps/core.xml`,
]);

/** Style 0 is plain, style 1 (the header) bold. */
export const styles =
  `${xml}<styleSheet xmlns="${main}">` +
  '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>' +
  '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>' +
  '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>' +
  '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>' +
  '<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>' +
  '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>' +
  '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>';
export const headerStyle = 1;

/** Up to and with the opening tag of the rows; the first row stays in sight. */
export const sheetStart =
  `${xml}<worksheet xmlns="${main}"><sheetViews><sheetView workbookViewId="0">` +
  '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/><selection pane="bottomLeft"/>' +
  '</sheetView></sheetViews><sheetData>';
export const sheetEnd = '</sheetData></worksheet>';

/** Unlike a cell, dc:title is no ST_Xstring: what XML can't hold has no escape there. */
// eslint-disable-next-line no-control-regex -- the control characters are the point
const notInXml = /[\u0000-\u0008\u000b-\u001f\ud800-\udfff\ufffe\uffff]/gu;

/** Without dates: the same table shall give the same bytes. */
export function coreProperties(title: string): string {
  const text = title.replace(notInXml, '\ufffd').replace(/[&<>]/g, escapeText);
  return (
    `${xml}<cp:coreProperties xmlns:cp="${packageNs}/metadata/core-properties" ` +
    `xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>${text}</dc:title></cp:coreProperties>`
  );
}

export function workbook(sheetNames: string[]): string {
  const sheets = sheetNames.map((name, index) => {
    const id = String(index + 1);
    return `<sheet name="${escapeText(name)}" sheetId="${id}" r:id="rId${id}"/>`;
  });
  return (
    `${xml}<workbook xmlns="${main}" xmlns:r="${officeRels}">` +
    `<bookViews><workbookView/></bookViews><sheets>${sheets.join('')}</sheets></workbook>`
  );
}

export function workbookRelationships(sheets: number): string {
  const targets = Array.from({ length: sheets }, (_, index) => `${officeRels}/worksheet" Target="/${sheetPath(index + 1)}`);
  return relationships([...targets, `${officeRels}/styles" Target="/xl/styles.xml`]);
}

function relationships(types: string[]): string {
  const entries = types.map((target, index) => `<Relationship Id="rId${String(index + 1)}" Type="${target}"/>`);
  return `${xml}<Relationships xmlns="${packageNs}/relationships">${entries.join('')}</Relationships>`;
}
