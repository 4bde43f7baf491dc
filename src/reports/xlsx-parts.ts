import { escapeText } from './xlsx-text.ts';

const xml = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const packageNs = 'http://schemas.openxmlformats.org/package/2006';
const officeRels = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const type = 'application/vnd.openxmlformats-officedocument.spreadsheetml';

export const sheetPath = (number: number) => `xl/worksheets/sheet${String(number)}.xml`;
export const sheetRelationshipsPath = (number: number) => `xl/worksheets/_rels/sheet${String(number)}.xml.rels`;

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

export interface WrittenSheet {
  name: string;
  /** What its filter covers, `$A$1:$C$9`; undefined: it has none. */
  filtered: string | undefined;
}

/** The header stands on each printed page. */
export function workbook(written: readonly WrittenSheet[]): string {
  const sheets = written.map(({ name }, index) => {
    const id = String(index + 1);
    return `<sheet name="${escapeText(name)}" sheetId="${id}" r:id="rId${id}"/>`;
  });
  const names = written.flatMap(({ name, filtered }, index) => {
    const quoted = escapeText(`'${name.replaceAll("'", "''")}'`);
    const local = `localSheetId="${String(index)}"`;
    const filter = `<definedName name="_xlnm._FilterDatabase" ${local} hidden="1">${quoted}!${filtered ?? ''}</definedName>`;
    return [...(filtered === undefined ? [] : [filter]), `<definedName name="_xlnm.Print_Titles" ${local}>${quoted}!$1:$1</definedName>`];
  });
  return (
    `${xml}<workbook xmlns="${main}" xmlns:r="${officeRels}"><bookViews><workbookView/></bookViews>` +
    `<sheets>${sheets.join('')}</sheets><definedNames>${names.join('')}</definedNames></workbook>`
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
