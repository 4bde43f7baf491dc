import type { ReportColumn } from '../jobs/report-columns.ts';
import { escapeText } from './xlsx-text.ts';

const xml = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';

const fonts = { plain: 0, bold: 1, link: 2, note: 3 } as const;
const name = '<name val="Calibri"/><family val="2"/>';
const fontParts = [
  `<font><sz val="11"/>${name}</font>`,
  `<font><b/><sz val="11"/>${name}</font>`,
  `<font><u/><sz val="11"/><color rgb="FF0563C1"/>${name}</font>`,
  `<font><i/><sz val="11"/><color rgb="FF595959"/>${name}</font>`,
];
const fills = { none: 0, header: 2 } as const;
const fillParts = [
  '<fill><patternFill patternType="none"/></fill>',
  '<fill><patternFill patternType="gray125"/></fill>',
  '<fill><patternFill patternType="solid"><fgColor rgb="FFE7ECF2"/><bgColor indexed="64"/></patternFill></fill>',
];
const borders = { none: 0, below: 1, above: 2 } as const;
const side = (which: string, style?: string) =>
  style === undefined ? `<${which}/>` : `<${which} style="${style}"><color rgb="FF7F7F7F"/></${which}>`;
const border = (top?: string, bottom?: string) => `<border><left/><right/>${side('top', top)}${side('bottom', bottom)}<diagonal/></border>`;
const borderParts = [border(), border(undefined, 'thin'), border('thin')];

export interface CellStyle {
  font?: keyof typeof fonts;
  fill?: keyof typeof fills;
  border?: keyof typeof borders;
  /** A number format code. */
  format?: string | undefined;
  align?: ReportColumn['align'];
  indent?: number;
  /** Text that looks like a formula stays text when somebody edits it, too. */
  quotePrefix?: boolean;
}

/** Of those that a document defines, these have the numbers below 164. */
const firstFormat = 164;

/** The styles of one workbook: a cell names its style by its number. */
export function styleTable() {
  const formats = new Map<string, number>();
  const styles = new Map<string, number>();

  function formatId(code: string | undefined): number {
    if (code === undefined || code === 'General') return 0;
    const id = formats.get(code) ?? firstFormat + formats.size;
    formats.set(code, id);
    return id;
  }

  /** @returns the number of the style, 0 for a plain one */
  function style({ font = 'plain', fill = 'none', border = 'none', format, align, indent, quotePrefix = false }: CellStyle): number {
    const format_ = formatId(format);
    const attributes = [
      `numFmtId="${String(format_)}" fontId="${String(fonts[font])}" fillId="${String(fills[fill])}" borderId="${String(borders[border])}" xfId="0"`,
      ...(quotePrefix ? ['quotePrefix="1"'] : []),
      ...(format_ === 0 ? [] : ['applyNumberFormat="1"']),
      ...(font === 'plain' ? [] : ['applyFont="1"']),
      ...(fill === 'none' ? [] : ['applyFill="1"']),
      ...(border === 'none' ? [] : ['applyBorder="1"']),
    ].join(' ');
    const inward = indent === undefined ? '' : ` indent="${String(indent)}"`;
    const xf =
      align === undefined ? `<xf ${attributes}/>` : `<xf ${attributes} applyAlignment="1"><alignment horizontal="${align}"${inward}/></xf>`;
    const number = styles.get(xf) ?? styles.size;
    styles.set(xf, number);
    return number;
  }

  style({});
  return {
    style,
    /** The part of the package, once all cells have their style. */
    part(): string {
      const codes = [...formats].map(([code, id]) => `<numFmt numFmtId="${String(id)}" formatCode="${escapeText(code)}"/>`);
      return [
        `${xml}<styleSheet xmlns="${main}">`,
        codes.length === 0 ? '' : list('numFmts', codes),
        list('fonts', fontParts),
        list('fills', fillParts),
        list('borders', borderParts),
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>',
        list('cellXfs', [...styles.keys()]),
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
      ].join('');
    },
  };
}
export type StyleTable = ReturnType<typeof styleTable>;

const list = (element: string, items: string[]) => `<${element} count="${String(items.length)}">${items.join('')}</${element}>`;
