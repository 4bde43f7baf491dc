// Its types on npm bring those of browsers along. Only what is used.
declare module 'pdfmake' {
  export type Alignment = 'left' | 'center' | 'right';

  export interface Looks {
    font?: string;
    fontSize?: number;
    bold?: boolean;
    color?: string;
    alignment?: Alignment;
    noWrap?: boolean;
    link?: string;
    width?: number | '*';
    /** Left, top, right, bottom. */
    margin?: [number, number, number, number];
    colSpan?: number;
  }

  export type Content =
    | (Looks & { text: string | { text: string; font: string }[] })
    | (Looks & { stack: Content[] })
    | (Looks & { columns: Content[]; columnGap?: number })
    | (Looks & { image: string; height?: number })
    | (Looks & { svg: string; font?: string })
    | (Looks & { table: Table; layout?: TableLayout });

  export type TableCell = string | Content;

  export interface Table {
    headerRows: number;
    keepWithHeaderRows: number;
    widths: number[];
    body: TableCell[][];
    dontBreakRows?: boolean;
  }

  export interface TableLayout {
    hLineWidth: (index: number) => number;
    vLineWidth: (index: number) => number;
    hLineColor: (index: number) => string;
    fillColor: (row: number) => string | null;
    paddingLeft: () => number;
    paddingRight: () => number;
    paddingTop: () => number;
    paddingBottom: () => number;
  }

  export interface DocumentDefinition {
    pageSize: string;
    pageOrientation: 'portrait' | 'landscape';
    pageMargins: [number, number, number, number];
    header: (current: number, count: number) => Content | null;
    footer: (current: number, count: number) => Content | null;
    info: Record<string, string | Date>;
    defaultStyle: Looks;
    content: Content[];
  }

  /** A path, or a path and which font of the file. */
  type FontSource = string | string[];

  /** PDFKit's, to be ended by whoever asked for it. */
  interface OpenDocument extends AsyncIterable<Buffer> {
    end(): void;
  }

  const pdfmake: {
    setFonts(fonts: Record<string, { normal: FontSource; bold: FontSource }>): void;
    setUrlAccessPolicy(allowed: (url: string) => boolean): void;
    setLocalAccessPolicy(allowed: (path: string) => boolean): void;
    createPdf(definition: DocumentDefinition): { getStream(): Promise<OpenDocument> };
  };
  export default pdfmake;
}
